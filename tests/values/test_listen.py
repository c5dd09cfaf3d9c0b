"""Addresses that the API listens on, as they are written."""

from __future__ import annotations

from ipaddress import IPv6Address
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values.bind_address import PortAddress, UnixAddress
from pipetwist.values.listen import parse_listen, why_refused

_FOLDER = Path("/etc/pipetwist")


class ListenTest(SynchronousTestCase):
    """What a text becomes."""

    def test_tcp(self) -> None:
        """A host and a port are distinguished, and an IPv6 address stands in brackets."""
        for text, host, port in (
            ("127.0.0.1:10085", "127.0.0.1", 10085),
            ("localhost:0", "localhost", 0),
            ("[::1]:65535", "::1", 65535),
            ("api-1.example.org:80", "api-1.example.org", 80),
        ):
            self.assertEqual(parse_listen(text, _FOLDER), PortAddress(host, port))
            self.assertEqual(str(PortAddress(host, port)), text)

    def test_unix(self) -> None:
        """A path follows `unix:`, and is made absolute."""
        self.assertEqual(parse_listen("unix:/run/api.sock", _FOLDER), UnixAddress("/run/api.sock"))
        self.assertEqual(
            parse_listen("unix:api.sock", _FOLDER), UnixAddress("/etc/pipetwist/api.sock")
        )
        self.assertEqual(parse_listen("unix:api.sock"), UnixAddress(f"{Path.cwd()}/api.sock"))
        self.assertEqual(str(UnixAddress("/run/api.sock")), "unix:/run/api.sock")

    def test_refused(self) -> None:
        """Whatever is not an address is refused, and the message says what is wrong with it."""
        refused: dict[object, str] = {
            None: "is not an address; write",
            10085: "is not an address; write",
            "": "is not an address; write",
            "10085": "is not an address; write",
            "127.0.0.1": "is not an address; write",
            "127.0.0.1:": "is not an address; write",
            "127.0.0.1:http": "is not an address; write",
            "::1:10085": "is not an address; write",
            "127.0.0.1:10085/": "is not an address; write",
            ":10085": "names no host",
            "127.0.0.1:65536": "65536 is not a port",
            "127.0.0.256:1": "not an IPv4 address",
            "1.2.3:1": "not an IPv4 address",
            "[::g]:1": "not an IPv6 address",
            "[127.0.0.1]:1": "not an IPv6 address",
            "[]:1": "not an IPv6 address",
            "a b:1": "not the name of a host",
            "-a:1": "not the name of a host",
            "unix:": "is not a path",
            "unix:@name": "abstract name",
            "unix:" + "/a" * 54: "107",
        }
        for raw, words in refused.items():
            self.assertIn(
                words, str(self.assertRaises(ValueError, parse_listen, raw, _FOLDER)), raw
            )

    @settings(deadline=None)
    @given(st.ip_addresses().map(str), st.integers(0, 65535))
    def test_round_trip(self, host: str, port: int) -> None:
        """Any address and port are read back as they were written."""
        self.assertEqual(
            parse_listen(str(PortAddress(host, port)), _FOLDER), PortAddress(host, port)
        )


class RefusalTest(SynchronousTestCase):
    """Which listeners are refused."""

    def test_loopback(self) -> None:
        """Loopback addresses and the name localhost need no TLS."""
        for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "LocalHost"):
            self.assertIsNone(why_refused(PortAddress(host, 1), tls=False, insecure=False), host)

    def test_others(self) -> None:
        """Every other address and name is refused without TLS, until `insecure` says that it shall
        be.
        """
        for host in (
            "0.0.0.0",
            "::",
            "192.0.2.1",
            "example.org",
            "localhost.example.org",
            str(IPv6Address("fe80::1%eth0")),
        ):
            listen = PortAddress(host, 1)
            self.assertIn(
                "can be reached from other machines",
                why_refused(listen, tls=False, insecure=False) or "",
                host,
            )
            self.assertIsNone(why_refused(listen, tls=True, insecure=False), host)
            self.assertIsNone(why_refused(listen, tls=False, insecure=True), host)

    def test_unix(self) -> None:
        """A unix socket is refused with TLS, which it has not, and only then."""
        self.assertIn("has no TLS", why_refused(UnixAddress("/a"), tls=True, insecure=True) or "")
        self.assertIsNone(why_refused(UnixAddress("/a"), tls=False, insecure=False))
