"""The PROXY protocol with the programs that speak it, in front of pipetwist and behind it: the far
end sees the client's own address.
"""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.proxies import CLIENT_HOST, ask, start_backs, start_fronts
from tests.support.daemon import run_to_end, start_daemon
from tests.support.peers import need, start_peer
from tests.support.scratch import free_port, listens, scratch_folder, wait_until
from tests.support.shared_certificates import AUTHORITY, SERVER, SERVER_NAME

_LISTENS = {"certificate_path": SERVER[0], "key_path": SERVER[1]}
_CONNECTS = {"enabled": True, "server_name": SERVER_NAME, "certificate_path": AUTHORITY}
_REQUEST_BYTES = len(b"GET / HTTP/1.0\r\n\r\n")


class _Case(SynchronousTestCase):
    """A daemon, which moves bytes in either way."""

    def setUp(self) -> None:
        """Start what is behind."""
        self.folder = scratch_folder(self)
        self.backs = start_backs(self, self.folder)

    def start(self, routes: list[tuple[dict[str, Any], dict[str, Any]]], transfer: str) -> None:
        """Start the daemon with inbounds, each with its outbound."""
        folder = scratch_folder(self)
        rules = [{"inbound": [a["tag"]], "outbound": b["tag"]} for a, b in routes]
        self.daemon = start_daemon(
            self,
            {
                "log": {"format": "json"},
                "transfer": transfer,
                "inbounds": [inbound for inbound, _ in routes],
                "outbounds": list({b["tag"]: b for _, b in routes}.values()),
                "route": {"rules": rules},
            },
            folder=folder,
        )

    def events(self, count: int) -> list[dict[str, Any]]:
        """Wait for the lines of so many connections."""

        def found() -> list[dict[str, Any]]:
            whole = (one for one in self.daemon.log.splitlines(keepends=True) if one.endswith("\n"))
            return [event for event in map(json.loads, whole) if "uplink" in event]

        wait_until(lambda: len(found()) >= count, "the lines")
        return found()

    def to_nginx(self, version: int = 2) -> dict[str, Any]:
        """An outbound to nginx."""
        return {
            "type": "tcp",
            "tag": "nginx",
            "server": "127.0.0.1",
            "server_port": self.backs["nginx"].port,
            "proxy_protocol": version,
        }


class FrontTest(_Case):
    """HAProxy and nginx in front."""

    def test_kernel(self) -> None:
        """Over tcp and unix, with TLS and without, in both versions."""
        self.each_way("auto")

    def test_stream(self) -> None:
        """The same where Twisted moves the bytes."""
        self.each_way("stream")

    def each_way(self, transfer: str) -> None:
        """Ask over each front and each inbound; the far end, and the log, have the client, and
        count what it has sent.
        """
        ports = {name: free_port(self) for name in ("tcp", "tcp-tls", "endpoint")}
        paths = {
            name: str(self.folder / f"{name}-{transfer}.sock") for name in ("unix", "unix-tls")
        }
        of_endpoint = f"tcp:{ports['endpoint']}:interface=127.0.0.1"
        inbounds: list[dict[str, Any]] = [
            {"type": "tcp", "tag": "tcp", "listen_port": ports["tcp"]},
            {"type": "tcp", "tag": "tcp-tls", "listen_port": ports["tcp-tls"], "tls": _LISTENS},
            {"type": "unix", "tag": "unix", "path": paths["unix"]},
            {"type": "unix", "tag": "unix-tls", "path": paths["unix-tls"], "tls": _LISTENS},
            {"type": "endpoint", "tag": "endpoint", "endpoint": of_endpoint},
        ]
        self.start(
            [({**inbound, "proxy_protocol": True}, self.to_nginx()) for inbound in inbounds],
            transfer,
        )
        places = {**{name: f"127.0.0.1:{port}" for name, port in ports.items()}, **paths}
        targets = [(name, place, name.endswith("tls")) for name, place in places.items()]
        fronts = start_fronts(self, scratch_folder(self), targets)
        self.assertEqual(len(fronts), 15)
        asked = []
        for front, port in fronts.items():
            answer, own = ask(port)
            self.assertEqual(answer, own, front)
            asked.append(own)
        events = self.events(len(fronts))
        self.assertEqual(
            {event["peer"] for event in events}, {own.replace(" ", ":") for own in asked}
        )
        self.assertEqual({event["uplink"] for event in events}, {_REQUEST_BYTES})


class BackTest(_Case):
    """HAProxy and nginx behind."""

    def test_kernel(self) -> None:
        """Over tcp and unix, with TLS and without, through a command and an endpoint, in both
        versions.
        """
        self.each_way("auto")

    def test_stream(self) -> None:
        """The same where Twisted moves the bytes."""
        self.each_way("stream")

    def each_way(self, transfer: str) -> None:
        """Ask by a port for each."""
        routes: list[tuple[dict[str, Any], dict[str, Any]]] = []
        ports = []
        for name, back in self.backs.items():
            path = str(back.path)
            tcp: dict[str, Any] = {"type": "tcp", "server": "127.0.0.1"}
            outbounds: tuple[dict[str, Any], ...] = (
                {**tcp, "server_port": back.port},
                {**tcp, "server_port": back.tls, "tls": _CONNECTS},
                {"type": "unix", "path": path},
                {"type": "endpoint", "endpoint": f"tcp:127.0.0.1:{back.port}"},
                {"type": "fork", "command": [need("ncat"), "-U", path]},
            )
            for number, outbound in enumerate(outbounds):
                for version in (1, 2):
                    tag = f"{name}-{number}-{version}"
                    ports.append(free_port(self))
                    inbound = {"type": "tcp", "tag": tag, "listen_port": ports[-1]}
                    keys = {"tag": tag, "proxy_protocol": version}
                    routes.append((inbound, {**outbound, **keys}))
        self.start(routes, transfer)
        for (_, outbound), port in zip(routes, ports, strict=True):
            answer, own = ask(port)
            self.assertEqual(answer, own, outbound)
        events = self.events(len(ports))
        self.assertEqual({event["uplink"] for event in events}, {_REQUEST_BYTES})

    def test_no_address(self) -> None:
        """A client of a unix socket is pipetwist itself to them, which neither refuses; nor does
        either see a user's name.
        """
        routes = []
        paths = []
        for name, back in self.backs.items():
            for version in (1, 2):
                tag = f"{name}-{version}"
                paths.append(self.folder / f"{tag}.sock")
                outbound = {
                    "type": "tcp",
                    "tag": tag,
                    "server": "127.0.0.1",
                    "server_port": back.port,
                    "proxy_protocol": version,
                    "proxy_protocol_tlvs": version == 2,
                }
                routes.append(({"type": "unix", "tag": tag, "path": str(paths[-1])}, outbound))
        self.start(routes, "auto")
        answers = [ask(path)[0] for path in paths]
        self.assertEqual(answers[:2], [" ", " "])
        for answer in answers[2:]:
            self.assertRegex(answer, r"^127\.0\.0\.1 [0-9]+$")


class V2RayTest(_Case):
    """V2Ray behind."""

    def test_v2ray(self) -> None:
        """What it logs as a connection's source is the client, in both versions; a client of a unix
        socket comes in as well.
        """
        door, access = free_port(self), self.folder / "access.log"
        back = self.backs["nginx"]
        tcp = {"network": "tcp", "tcpSettings": {"acceptProxyProtocol": True}}
        (self.folder / "v2ray.json").write_text(
            json.dumps(
                {
                    "log": {"access": str(access)},
                    "inbounds": [
                        {
                            "listen": "127.0.0.1",
                            "port": door,
                            "protocol": "dokodemo-door",
                            "settings": {
                                "address": "127.0.0.1",
                                "port": back.port,
                                "network": "tcp",
                            },
                            "streamSettings": tcp,
                        }
                    ],
                    "outbounds": [{"protocol": "freedom"}],
                }
            ),
            encoding="utf-8",
        )
        command = [need("v2ray"), "-config", str(self.folder / "v2ray.json")]
        start_peer(self, command, self.folder)
        wait_until(lambda: listens(door), "V2Ray to listen")
        ports: list[int] = []
        paths: list[Path] = []
        routes: list[tuple[dict[str, Any], dict[str, Any]]] = []
        for version in (1, 2):
            ports.append(free_port(self))
            paths.append(self.folder / f"v2ray-{version}.sock")
            outbound = {
                "type": "tcp",
                "tag": f"v2ray-{version}",
                "server": "127.0.0.1",
                "server_port": door,
                "proxy_protocol": version,
            }
            inbound = {"type": "tcp", "tag": f"tcp-{version}", "listen_port": ports[-1]}
            routes.append((inbound, outbound))
            unix = {"type": "unix", "tag": f"unix-{version}", "path": str(paths[-1])}
            routes.append((unix, outbound))
        self.start(routes, "auto")
        sources = set()
        doors: list[int | Path] = [*ports, *paths]
        for port in doors:
            # V2Ray's own server wants a header too.
            answer, own = ask(port, b"PROXY TCP4 192.0.2.1 192.0.2.2 47 80\r\n")
            self.assertEqual(answer, "192.0.2.1 47")
            sources.add(own.replace(" ", ":"))

        def logged() -> list[str]:
            return re.findall(r" (\S+) accepted tcp:", access.read_text(encoding="utf-8"))

        wait_until(lambda: len(logged()) == 4, "what V2Ray logs")
        sources.discard("")
        self.assertEqual({one for one in logged() if one.startswith(CLIENT_HOST)}, sources)
        self.assertEqual(len(sources), 2)


class EverywhereTest(SynchronousTestCase):
    """Who asks for a client's address gets the one that the header names."""

    def test_everywhere(self) -> None:
        """Users, rules, a command's environment, the page, and who is online."""
        folder = scratch_folder(self)
        port, page = free_port(self), free_port(self)
        tell = 'echo "$PIPETWIST_USER $REMOTE_ADDR $REMOTE_PORT"; exec cat'
        start_daemon(
            self,
            {
                "users": [{"name": "alice", "source": ["192.0.2.0/24"]}],
                "inbounds": [
                    {
                        "type": "tcp",
                        "tag": "in",
                        "listen_port": port,
                        "proxy_protocol": True,
                        "users": "*",
                    }
                ],
                "outbounds": [
                    {"type": "fork", "tag": "others", "command": ["echo", "others"]},
                    {
                        "type": "fork",
                        "tag": "named",
                        "command": ["sh", "-c", tell],
                        "peer_environment": True,
                    },
                ],
                "route": {"rules": [{"source_ip_cidr": ["192.0.2.0/24"], "outbound": "named"}]},
                "metrics": {"listen": f"127.0.0.1:{page}"},
                "experimental": {
                    "v2ray_api": {
                        "listen": "unix:api.sock",
                        "stats": {"enabled": True, "users": ["alice"]},
                    }
                },
            },
            folder=folder,
        )
        with socket.create_connection(("127.0.0.1", port), 60) as client:
            client.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.9 47 80\r\n")
            self.assertEqual(client.makefile().readline(), "alice 192.0.2.1 47\n")
            with urlopen(f"http://127.0.0.1:{page}/api/snapshot", timeout=60) as answer:
                self.assertIn(b"192.0.2.1:47", answer.read())
            command = [need("pipetwist"), "online", "--server", f"unix:{folder}/api.sock"]
            online = run_to_end(folder, command)
        self.assertIn("alice", online.stdout, online.stderr)
        self.assertIn("192.0.2.1", online.stdout)
