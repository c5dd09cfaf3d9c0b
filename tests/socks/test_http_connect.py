"""HTTP CONNECT, without I/O."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import ConnectError
from pipetwist.socks.http_connect import MAX_HEADER_BYTES, HttpConnect
from pipetwist.socks.target import Credentials, Target
from tests.socks.talking import feed, feed_pieces, pieces_of
from tests.support.examples import examples

_TARGET = Target("example.org", 443)
_ALICE = Credentials(b"alice", b"sec:ret")
_LINES = st.lists(
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), min_size=1, max_size=20),
    max_size=5,
).map(lambda lines: [line.encode("latin-1") for line in lines])


class ExchangeTest(SynchronousTestCase):
    """What is said, byte for byte."""

    def test_request(self) -> None:
        """The request names the server twice."""
        handshake = HttpConnect(_TARGET)
        self.assertEqual(
            handshake.outgoing(),
            b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
        )
        self.assertEqual(handshake.outgoing(), b"")
        said = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nSSH-2.0"
        self.assertEqual(feed(handshake, said), (b"", b"SSH-2.0"))
        self.assertTrue(handshake.done)

    def test_credentials(self) -> None:
        """Who asks is told in the Basic way."""
        sent = HttpConnect(_TARGET, _ALICE).outgoing()
        self.assertIn(b"\r\nProxy-Authorization: Basic YWxpY2U6c2VjOnJldA==\r\n\r\n", sent)
        error = self.assertRaises(ValueError, HttpConnect, _TARGET, Credentials(b"a:b", b""))
        self.assertEqual(str(error), "a username for HTTP has no colon in it (RFC 7617)")

    def test_addresses(self) -> None:
        """An IPv6 address stands in brackets, and no header can be slipped in."""
        self.assertIn(b"CONNECT [2001:db8::1]:1 ", HttpConnect(Target("2001:db8::1", 1)).outgoing())
        self.assertIn(b"CONNECT 192.0.2.1:1 ", HttpConnect(Target("192.0.2.1", 1)).outgoing())
        self.assertRaises(ValueError, HttpConnect, Target("x\r\nA: b", 1))

    def test_interim(self) -> None:
        """A reply that only says that another follows is none."""
        said = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200\r\n\r\n!"
        handshake = HttpConnect(_TARGET)
        self.assertEqual(feed(handshake, said)[1], b"!")
        self.assertTrue(handshake.done)

    def test_content(self) -> None:
        """What a header says of content counts for nothing: the server's bytes follow (RFC 9110,
        9.3.6).
        """
        said = b"HTTP/1.0 204 x\nContent-Length: 4\n\nbody"
        self.assertEqual(feed(HttpConnect(_TARGET), said)[1], b"body")

    def test_shown(self) -> None:
        """It shows how far it is."""
        handshake = HttpConnect(_TARGET)
        handshake.receive(b"HTTP/1.1 2")
        self.assertEqual(repr(handshake), "<HttpConnect has 10 bytes of the reply>")
        handshake.receive(b"00 OK\r\n\r\n")
        self.assertEqual(repr(handshake), "<HttpConnect done>")


class RefusalTest(SynchronousTestCase):
    """What goes wrong, each as a sentence."""

    def refusal(self, said: bytes, credentials: Credentials | None = None) -> str:
        """What a handshake says that is told this."""
        handshake = HttpConnect(_TARGET, credentials)
        return str(self.assertRaises(ConnectError, handshake.receive, said))

    def test_status(self) -> None:
        """A status says what it means, and what the proxy said, with the server."""
        for line, why in (
            (b"403 Forbidden", "the proxy's rules do not allow it (status 403 Forbidden)"),
            (b"502 Bad Gateway", "the proxy got no connection to the server (status 502 Bad Gat"),
            (b"504", "the server did not answer the proxy in time (status 504)"),
            (b"418 I am a teapot", "status 418 I am a teapot"),
            (b"101 Switching", "status 101 Switching"),
            (b"302 \x1b[31m\xff", "status 302 ?[31m?"),
        ):
            self.assertIn(
                f"the HTTP proxy can't connect example.org:443: {why}",
                self.refusal(b"HTTP/1.1 " + line + b"\r\n\r\n"),
            )

    def test_authentication(self) -> None:
        """So does a proxy that wants other credentials, or some."""
        said = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
        self.assertIn("wants a username and a password", self.refusal(said))
        self.assertEqual(
            self.refusal(said, _ALICE), "the HTTP proxy refused the username and password"
        )

    def test_another_protocol(self) -> None:
        """Whoever speaks something else is no proxy, which its first byte may show."""
        for said in (b"S", b"\5\0", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 20 x\r\n\r\n"):
            self.assertIn("no HTTP proxy answers there", self.refusal(said))

    def test_bound(self) -> None:
        """A header has a bound, in one piece or in many."""
        fits = b"HTTP/1.1 200 OK\r\n".ljust(MAX_HEADER_BYTES - 4, b"x") + b"\r\n\r\n"
        self.assertEqual(feed(HttpConnect(_TARGET), fits + b"!")[1], b"!")
        self.assertIn("is longer than 16384", self.refusal(fits[:-4] + b"xxxxx"))
        handshake = HttpConnect(_TARGET)
        with self.assertRaises(ConnectError):
            for _ in range(MAX_HEADER_BYTES):
                handshake.receive(b"HTTP/1.1 200 OK\r\n" if not handshake._header else b"xxx")
        self.assertLess(len(handshake._header), MAX_HEADER_BYTES + 4)


class AnythingTest(SynchronousTestCase):
    """Any reply, in any pieces."""

    def test_pieces(self) -> None:
        """However a reply is cut, exactly the header is taken."""

        @settings(max_examples=examples(300), deadline=None, database=None)
        @given(
            _LINES,
            st.sampled_from([b"\r\n", b"\n"]),
            st.binary(max_size=40),
            st.lists(st.integers(0, 200), max_size=30),
        )
        def one(lines: list[bytes], line_end: bytes, servers: bytes, cuts: list[int]) -> None:
            said = line_end.join((b"HTTP/1.1 200 OK", *lines, b"", b"")) + servers
            for pieces in (pieces_of(said, cuts), pieces_of(said, range(len(said)))):
                handshake = HttpConnect(_TARGET)
                handshake.outgoing()
                self.assertEqual(feed_pieces(handshake, pieces), (b"", servers))
                self.assertTrue(handshake.done)

        one()

    def test_garbage(self) -> None:
        """Whatever comes, it is done, or fails with a sentence, or waits for more."""

        @settings(max_examples=examples(500), deadline=None, database=None)
        @given(
            st.one_of(
                st.binary(max_size=60),
                st.binary(max_size=60).map(b"HTTP/1.1 2".__add__),
                st.text("HTP/1. 20\r\n", max_size=60).map(str.encode),
            ),
            st.lists(st.integers(0, 80), max_size=8),
        )
        def one(said: bytes, cuts: list[int]) -> None:
            handshake = HttpConnect(_TARGET)
            try:
                feed_pieces(handshake, pieces_of(said, cuts))
            except ConnectError as error:
                self.assertTrue(str(error))
                self.assertTrue(str(error).isprintable())

        one()
