"""Configurations of other programs."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.reading import parse_document
from pipetwist.errors import ConfigError
from pipetwist.outbounds.registry import OUTBOUNDS
from tests.support.documents import EXAMPLES, FOLDER, problems, read, small


class FilesTest(SynchronousTestCase):
    """Whole files, each of which gets one line."""

    def told(self, text: str) -> str:
        """What is said of a file, which must be one line at the file's begin."""
        error = self.assertRaises(ConfigError, parse_document, text, FOLDER, "f")
        (line,) = str(error).splitlines()
        place, _, said = line.partition(": ")
        self.assertRegex(place, r"^f:[0-9]+:1$")
        return said

    def test_families(self) -> None:
        """Our own examples of V2Ray, Xray and sing-box are named, with where to read on."""
        for name, program in (("v2ray", "V2Ray"), ("sing-box", "sing-box")):
            for end in ("client", "server"):
                text = (EXAMPLES / name / end / f"{name}.json").read_text(encoding="utf-8")
                said = self.told(text)
                self.assertTrue(said.startswith(f"this is a configuration of {program}"), said)
                self.assertTrue(said.endswith(f"etc/{name}/README.md"), said)
        server, client = (
            self.told((EXAMPLES / "xray" / end / "xray.json").read_text(encoding="utf-8"))
            for end in ("server", "client")
        )
        self.assertTrue(server.startswith("this is a configuration of Xray;"), server)
        self.assertIn("etc/xray/README.md", server)
        # Nothing in it is Xray's alone.
        self.assertTrue(client.startswith("this is a configuration of V2Ray or Xray;"), client)
        self.assertIn("etc/xray/README.md", client)

    def test_parts(self) -> None:
        """A file with one inbound or outbound alone, or with one section, is named too."""
        for file, program in (
            ({"port": 80, "protocol": "vless", "settings": {}}, "V2Ray or Xray"),
            ({"listen": "/x,0666", "protocol": "vless", "settings": {}}, "Xray"),
            ({"dns": {"servers": ["192.0.2.1"]}}, "V2Ray or Xray"),
            ({"dns": {"servers": ["192.0.2.1"]}, "routing": {"rules": []}}, "V2Ray or Xray"),
            ({"routing": {"rules": []}}, "V2Ray or Xray"),
            ({"type": "vless", "server": "192.0.2.1"}, "sing-box"),
            ({"dns": {"servers": [{"type": "local", "tag": "a"}]}}, "sing-box"),
            ({"endpoints": [{"type": "wireguard", "tag": "a"}]}, "sing-box"),
        ):
            said = self.told(json.dumps(file))
            self.assertRegex(said, f"^this is a configuration of {program}[;,]", file)

    def test_namesakes(self) -> None:
        """Sections of other programs that sing-box has as well are not taken for its own."""
        files: tuple[dict[str, object], ...] = (
            {"services": {"web": {"image": "x"}}},
            {"services": [{"name": "a", "addr": ":80", "handler": {"type": "tcp"}}]},
            {"services": None, "dns": 5, "endpoints": "x", "certificate": "x.pem"},
        )
        for file in files:
            error = self.assertRaises(ConfigError, parse_document, json.dumps(file), FOLDER, "f")
            self.assertNotIn("sing-box", str(error), file)

    def test_odd_types(self) -> None:
        """A type that is no text is nobody's, and no mistake of the program's own."""
        odd: tuple[object, ...] = ([], {}, 5, None)
        for type_ in odd:
            found = problems({**small(), "inbounds": [{"type": type_}], "outbounds": []})
            self.assertTrue(found)
            self.assertNotIn("sing-box", " ".join(found))

    def test_reality(self) -> None:
        """What only Xray has says that a file is Xray's."""
        stream = {"security": "reality", "realitySettings": {}}
        inbound = {"protocol": "vless", "port": 443, "streamSettings": stream}
        self.assertIn("configuration of Xray;", self.told(json.dumps({"inbounds": [inbound]})))

    def test_shadowsocks(self) -> None:
        """A file of shadowsocks is named, with where its plug-ins are explained."""
        file = {"server": "192.0.2.1", "server_port": 8388, "password": "x", "method": "none"}
        said = self.told(json.dumps(file))
        self.assertTrue(said.startswith("this is a configuration of shadowsocks;"), said)
        for name in ("simple-obfs", "v2ray-plugin"):
            self.assertIn(f"etc/{name}/README.md", said)
            self.assertTrue((EXAMPLES / name / "README.md").exists())

    def test_languages(self) -> None:
        """What is no JSON at all is named as what it is, also behind comments."""
        for text, said in (
            ("[Unit]\nDescription=x\n[Service]\nExecStart=/bin/x\n", "this is a systemd unit"),
            ("# c\n\n[Socket]\nListenStream=/x\n", "this is a systemd unit"),
            ("inbounds:\n  - type: unix\n", "this is YAML"),
            ("---\ninbounds: []\n", "this is YAML"),
            ('[log]\nlevel = "info"\n', "this is TOML"),
            ('[[inbounds]]\ntype = "unix"\n', "this is TOML"),
            ('level = "info"\n', "this is TOML"),
            ("global\n  log stdout\n", "this is a configuration of HAProxy"),
            ("frontend web\n  bind :80\n", "this is a configuration of HAProxy"),
            ("resolvers dns\n  nameserver a 192.0.2.1:53\n", "this is a configuration of HAProxy"),
            # Blanks before the lines of a section are a habit alone.
            ("global\ndaemon\n", "this is a configuration of HAProxy"),
            ("global # all\n# more\n  daemon\n", "this is a configuration of HAProxy"),
            ("listen stats 0.0.0.0:9000\n  mode tcp\n", "this is a configuration of HAProxy"),
            ("defaults http\n  mode tcp\n", "this is a configuration of HAProxy"),
            ("cache c\n  total-max-size 4\n", "this is a configuration of HAProxy"),
            ("stream {\n  server { listen 80; }\n}\n", "this is a configuration of nginx"),
            # As Debian's begins.
            ("user www-data;\nworker_processes auto;\n", "this is a configuration of nginx"),
            ("include /etc/nginx/modules/*.conf;\n", "this is a configuration of nginx"),
            ("upstream a {\n  server unix:/x;\n}\n", "this is a configuration of nginx"),
            ("socat UNIX-LISTEN:/x,fork EXEC:cat\n", "this is a command line"),
            ("#!/bin/sh\nexec /usr/bin/socat - TCP:192.0.2.1:80\n", "this is a command line"),
            ("-----BEGIN CERTIFICATE-----\nMIIB\n", "this is a certificate or a key"),
            ("vless://b831381d@192.0.2.1:443?security=tls#x\n", "this is a link for clients"),
            ("\n<!DOCTYPE html>\n<html>\n", "this is HTML or XML"),
            ("<?xml version='1.0'?>\n", "this is HTML or XML"),
            ("[Interface]\nPrivateKey = x\n", "this is TOML or INI"),
        ):
            for ends in ("\n", "\r\n"):
                self.assertTrue(self.told(text.replace("\n", ends)).startswith(said), text)

    def test_json(self) -> None:
        """What begins as JSON does is told what is wrong with it, wherever the mistake is."""
        for text in (
            "{inbounds: [}",
            '{"log": }',
            "[1",
            "# c\n{}",
            "{a = 1}",
            '{"socat x": 1',
            '"nc a": 1',
        ):
            error = self.assertRaises(ConfigError, parse_document, text, FOLDER, "f")
            self.assertNotIn("this is", str(error), text)


class EntriesTest(SynchronousTestCase):
    """Parts of other programs' files in one of ours."""

    def outbound(self, **outbound: Any) -> list[str]:
        """What is said of this outbound."""
        document = small()
        document["outbounds"] = [{"tag": "out", **outbound}]
        return problems(document)

    def test_one_entry(self) -> None:
        """One entry of sing-box beside one of ours is a mistake of that entry."""
        (said,) = self.outbound(type="vless", server="example.org")
        self.assertTrue(said.startswith('outbounds[0].type: "vless" is not a type of'), said)

    def test_direct(self) -> None:
        """sing-box's "direct" is told to be tcp, with its own server and port."""
        (said,) = self.outbound(type="direct", override_address="192.0.2.1", override_port=80)
        self.assertEqual(
            said,
            'outbounds[0].type: "direct" of sing-box, with its override_address and '
            'override_port, is written "type": "tcp", "server": "192.0.2.1", "server_port": 80 '
            "here",
        )
        self.assertIn('"server": "HOST", "server_port": "PORT"', self.outbound(type="direct")[0])
        document = small()
        document["inbounds"] = [{"type": "direct", "tag": "in", "listen_port": 1}]
        self.assertIn('"direct" of sing-box is "tcp" or "udp" here', problems(document)[0])

    def test_block(self) -> None:
        """sing-box's "block" is told to be the action of a rule."""
        (said,) = self.outbound(type="block")
        self.assertEqual(
            said,
            'outbounds[0].type: "block" of sing-box is the "action": "reject" of a rule here',
        )

    def test_proxies(self) -> None:
        """A proxy as an outbound is told to be the way of one of tcp, with its own address."""
        for type_ in ("socks", "http"):
            (said,) = self.outbound(type=type_, server="192.0.2.1", server_port=1080)
            self.assertEqual(
                said,
                f'outbounds[0].type: "{type_}" of sing-box, a proxy, is written "type": "tcp", '
                f'"via": {{"type": "{type_}", "server": "192.0.2.1", "server_port": 1080}} here, '
                "beside the server that it leads to",
            )
        (said,) = self.outbound(type="socks")
        self.assertIn('"server": "HOST", "server_port": "PORT"', said)
        document = small()
        document["inbounds"] = [{"type": "socks", "tag": "in", "listen_port": 1}]
        self.assertIn('"socks" is not a type of inbound', problems(document)[0])

    def test_kinds(self) -> None:
        """An unknown type is answered with all that there are, and with the one that is meant."""
        (said,) = self.outbound(type="tpc", server="192.0.2.1", server_port=80)
        kinds = ", ".join(f'"{type_}"' for type_ in OUTBOUNDS.types())
        self.assertEqual(
            said,
            'outbounds[0].type: "tpc" is not a type of outbound; did you mean "tcp"? There are '
            + kinds,
        )

    def test_schema_key(self) -> None:
        """The key that editors find the schema by is taken, and must be a text."""
        self.assertEqual(read({"$schema": "pipetwist.schema.json", **small()}), read(small()))
        (said,) = problems({"$schema": 5, **small()})
        self.assertIn("this key is not known here", said)
