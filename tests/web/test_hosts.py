"""Which hosts a request may be made for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.web.hosts import may_ask_for

_NAMES = ("relay.example.org",)


class HostsTest(SynchronousTestCase):
    """One header after another."""

    def test_good(self) -> None:
        """Addresses are good, localhost, and the names that are given; with a port or without, in
        any letters, with a dot at the end.
        """
        for host in (
            "localhost",
            "LOCALHOST:9100",
            "127.0.0.1:9100",
            "127.8.9.10",
            "[::1]:9100",
            "[2001:db8::1]",
            "192.0.2.7:80",
            "relay.example.org",
            "Relay.Example.ORG.:443",
            "relay.example.org:",
        ):
            self.assertTrue(may_ask_for([host.encode()], _NAMES), host)

    def test_bad(self) -> None:
        """Other names are not, nor what only looks like one of those."""
        for host in (
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "xlocalhost",
            "relay.example.org.evil.example",
            "relay.example.org@evil.example",
            "evil.example:80:localhost",
            "[::1].evil.example",
            "[evil.example]",
            "::1",
            "127.1",
            "0x7f000001",
            "localhost/",
            "local host",
            "localhost\n",
            "..",
            "localhost..",
        ):
            self.assertFalse(may_ask_for([host.encode()], _NAMES), host)

    def test_number(self) -> None:
        """There must be one, and not two of which another server may take the other."""
        self.assertFalse(may_ask_for([], _NAMES))
        self.assertFalse(may_ask_for([b"localhost", b"localhost"], _NAMES))

    @settings(derandomize=True, deadline=None)
    @given(st.binary(max_size=40))
    def test_anything(self, host: bytes) -> None:
        """Whatever bytes come, there is an answer; and never a good one to a name of letters that
        is not given.
        """
        good = may_ask_for([host], _NAMES)
        self.assertFalse(
            good
            and host[:1].isalpha()
            and not host.lower().startswith((b"localhost", b"relay.example.org"))
        )
