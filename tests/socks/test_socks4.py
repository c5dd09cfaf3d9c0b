"""SOCKS 4 and 4a, without I/O."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import ConnectError
from pipetwist.socks.socks4 import Socks4
from pipetwist.socks.target import Target
from tests.socks.talking import feed, feed_pieces, pieces_of
from tests.support.examples import examples

_ADDRESS = Target("192.0.2.1", 80)
_NAME = Target("example.org", 80)
_GRANTED = b"\0\x5a\0\0\0\0\0\0"


class ExchangeTest(SynchronousTestCase):
    """What is said, byte for byte."""

    def test_address(self) -> None:
        """An address is asked for in one message."""
        for names in (False, True):
            handshake = Socks4(_ADDRESS, b"alice", names=names)
            self.assertEqual(handshake.outgoing(), b"\4\1\0\x50\xc0\0\2\1alice\0")
            self.assertEqual(feed(handshake, _GRANTED + b"hello"), (b"", b"hello"))
            self.assertTrue(handshake.done)

    def test_name(self) -> None:
        """4a has a name behind an address that is none."""
        handshake = Socks4(_NAME, names=True)
        self.assertEqual(handshake.outgoing(), b"\4\1\0\x50\0\0\0\1\0example.org\0")

    def test_no_target(self) -> None:
        """What can't be asked for is told when it is made."""
        for target, names, said in (
            (_NAME, False, "SOCKS 4 has no names such as example.org; use version 4a or 5"),
            (Target("::1", 1), True, "SOCKS 4 has no IPv6 addresses such as ::1; use version 5"),
        ):
            error = self.assertRaises(ValueError, Socks4, target, names=names)
            self.assertEqual(str(error), said)
        error = self.assertRaises(ValueError, Socks4, _ADDRESS, b"a\0b", names=True)
        self.assertEqual(str(error), "a username has no NUL in it")

    def test_refusals(self) -> None:
        """Each reply code says what it is, with the server."""
        for code, why in (
            (91, "it was rejected, or failed"),
            (92, "the proxy can't ask this machine who the user is (identd)"),
            (93, "this machine says another user than the username (identd)"),
            (7, "the unknown reply 7"),
        ):
            error = self.assertRaises(
                ConnectError, Socks4(_ADDRESS, names=False).receive, bytes([0, code])
            )
            self.assertEqual(str(error), f"the SOCKS proxy can't connect 192.0.2.1:80: {why}")
        error = self.assertRaises(ConnectError, Socks4(_ADDRESS, names=False).receive, b"HTTP")
        self.assertIn("no SOCKS 4 proxy answers there", str(error))


class AnythingTest(SynchronousTestCase):
    """Any reply, in any pieces."""

    def test_pieces(self) -> None:
        """However a reply is cut, exactly its eight bytes are taken."""

        @settings(max_examples=examples(200), deadline=None, database=None)
        @given(
            st.binary(min_size=6, max_size=6),
            st.binary(max_size=20),
            st.lists(st.integers(0, 30), max_size=20),
        )
        def one(bound: bytes, servers: bytes, cuts: list[int]) -> None:
            said = b"\0\x5a" + bound + servers
            handshake = Socks4(_ADDRESS, names=False)
            handshake.outgoing()
            self.assertEqual(feed_pieces(handshake, pieces_of(said, cuts)), (b"", servers))
            self.assertTrue(handshake.done)

        one()

    def test_garbage(self) -> None:
        """Whatever comes, it is done, or fails with a sentence, or waits for more."""

        @settings(max_examples=examples(200), deadline=None, database=None)
        @given(st.binary(max_size=30))
        def one(said: bytes) -> None:
            handshake = Socks4(_ADDRESS, names=False)
            try:
                feed(handshake, said)
            except ConnectError as error:
                self.assertTrue(str(error))
            else:
                self.assertEqual(handshake.done, len(said) >= 8)

        one()
