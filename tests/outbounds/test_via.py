"""The keys of a proxy."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.outbounds.tcp import TcpOutboundOptions
from pipetwist.outbounds.via import ViaOptions
from pipetwist.socks.http_connect import HttpConnect
from pipetwist.socks.socks4 import Socks4
from pipetwist.socks.socks5 import Socks5
from pipetwist.values.bind_address import PortAddress
from tests.support.documents import problems


def _via(**keys: Any) -> ViaOptions:
    return ViaOptions(**{"type": "socks", "server": "127.0.0.1", "server_port": 1080, **keys})


def _outbound(via: ViaOptions, server: str = "example.org") -> TcpOutboundOptions:
    return TcpOutboundOptions(tag="out", server=server, server_port=80, via=via)


class OptionsTest(SynchronousTestCase):
    """What may be written."""

    def test_handshakes(self) -> None:
        """The type and the version choose what is spoken."""
        for keys, kind in (
            ({}, Socks5),
            ({"version": "5"}, Socks5),
            ({"version": "4a"}, Socks4),
            ({"type": "http"}, HttpConnect),
        ):
            outbound = _outbound(_via(**keys))
            assert outbound.via is not None
            self.assertIsInstance(outbound.via.handshake(outbound.target), kind)

    def test_credentials(self) -> None:
        """Who asks is told as each of them has it."""
        for keys, sent in (
            ({"username": "alice"}, b"\5\2\0\2"),
            ({"version": "4a", "username": "alice"}, b"\4\1\0\x50\0\0\0\1alice\0example.org\0"),
        ):
            outbound = _outbound(_via(**keys))
            assert outbound.via is not None
            self.assertEqual(outbound.via.handshake(outbound.target).outgoing(), sent)

    def test_refused(self) -> None:
        """Keys that the protocol has no room for are refused."""
        for keys, said in (
            ({"type": "http", "version": "5"}, "an http proxy has no version; leave it out"),
            ({"password": "x"}, "there is a password without a username"),
            (
                {"version": "4", "username": "x", "password": "x"},
                "SOCKS 4 has no password; leave it out, or use version 5",
            ),
            ({"username": "x" * 256}, "the username has 256 bytes, and SOCKS has room for 255"),
            (
                {"type": "http", "username": "a:b"},
                "a username for HTTP has no colon in it (RFC 7617)",
            ),
        ):
            error = self.assertRaises(ValueError, _via, **keys)
            self.assertEqual(str(error), said)

    def test_server(self) -> None:
        """So is a server that it can't be told."""
        for keys, server, said in (
            ({"version": "4"}, "example.org", "via: SOCKS 4 has no names such as example.org"),
            ({"version": "4a"}, "::1", "via: SOCKS 4 has no IPv6 addresses such as ::1"),
            ({}, "fe80::1%eth0", "via: fe80::1%eth0: a proxy can't be told an interface"),
        ):
            error = self.assertRaises(ValueError, _outbound, _via(**keys), server)
            self.assertIn(said, str(error))

    def test_address(self) -> None:
        """What is connected is the proxy, which loops are looked for by."""
        self.assertEqual(_outbound(_via()).address, PortAddress("127.0.0.1", 1080))

    def test_secret(self) -> None:
        """A password is not shown."""
        self.assertNotIn("secret", repr(_outbound(_via(username="alice", password="secret"))))

    def test_told(self) -> None:
        """What is wrong is told with its place in the configuration."""
        for keys, said in (
            ({"password": "x"}, "outbounds[0].via: there is a password without a username"),
            ({"version": "6"}, 'outbounds[0].via.version: "6" is not known here'),
            ({"type": "tor"}, 'outbounds[0].via.type: "tor" is not known here'),
            ({"version": "4"}, "outbounds[0]: via: SOCKS 4 has no names such as example.org"),
        ):
            via = {"type": "socks", "server": "127.0.0.1", "server_port": 1080, **keys}
            outbound = {"type": "tcp", "tag": "out", "server": "example.org", "server_port": 80}
            (told,) = problems(
                {
                    "inbounds": [{"type": "tcp", "tag": "in", "listen_port": 1}],
                    "outbounds": [{**outbound, "via": via}],
                }
            )
            self.assertIn(said, told)

    def test_windows(self) -> None:
        """On Windows it is told that it can't be done."""
        said = dict(TcpOutboundOptions.lacking({"via": {}}, "win32"))
        self.assertIn("Twisted takes over no connected sockets", said["via"])
        self.assertEqual(dict(TcpOutboundOptions.lacking({}, "win32")), {})
