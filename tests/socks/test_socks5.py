"""SOCKS 5, without I/O."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import ConnectError, NobodyListensError
from pipetwist.socks.socks5 import Socks5
from pipetwist.socks.target import Credentials, Target
from tests.socks.talking import feed, feed_pieces, pieces_of
from tests.support.examples import examples

_TARGET = Target("example.org", 443)
_ALICE = Credentials(b"alice", b"secret")
_BOUND = b"\1\x7f\0\0\1\x12\x34"
_GRANTED = b"\5\0\0" + _BOUND
_REQUEST = b"\5\1\0\3\x0bexample.org\x01\xbb"
_FIELDS = st.binary(min_size=1, max_size=255)
_BOUND_ADDRESSES = st.one_of(
    st.binary(min_size=4, max_size=4).map(lambda packed: b"\1" + packed),
    st.binary(max_size=255).map(lambda name: b"\3" + bytes([len(name)]) + name),
    st.binary(min_size=16, max_size=16).map(lambda packed: b"\4" + packed),
)


class ExchangeTest(SynchronousTestCase):
    """What is said, byte for byte."""

    def test_no_authentication(self) -> None:
        """Without credentials none are offered; then comes the request."""
        handshake = Socks5(_TARGET)
        self.assertEqual(handshake.outgoing(), b"\5\1\0")
        self.assertEqual(handshake.outgoing(), b"")
        self.assertEqual(feed(handshake, b"\5\0"), (_REQUEST, b""))
        self.assertFalse(handshake.done)
        self.assertEqual(feed(handshake, _GRANTED + b"SSH-2.0"), (b"", b"SSH-2.0"))
        self.assertTrue(handshake.done)
        self.assertEqual(handshake.receive(b"more"), 0)

    def test_password(self) -> None:
        """With credentials the proxy may choose to be told them, or not."""
        for method, login in ((b"\2", b"\1\5alice\6secret"), (b"\0", _REQUEST)):
            handshake = Socks5(_TARGET, _ALICE)
            self.assertEqual(handshake.outgoing(), b"\5\2\0\2")
            self.assertEqual(feed(handshake, b"\5" + method), (login, b""))
        handshake = Socks5(_TARGET, _ALICE, insists=True)
        self.assertEqual(handshake.outgoing(), b"\5\1\2")
        self.assertEqual(feed(handshake, b"\5\2")[0], b"\1\5alice\6secret")
        self.assertEqual(feed(handshake, b"\1\0")[0], _REQUEST)

    def test_nothing_to_insist_on(self) -> None:
        """Without credentials nothing can be insisted on."""
        self.assertEqual(Socks5(_TARGET, insists=True).outgoing(), b"\5\1\0")

    def test_addresses(self) -> None:
        """An address goes as one, and a name as it is in DNS."""
        for host, expected in (
            ("192.0.2.1", b"\1\xc0\0\2\1"),
            ("2001:db8::1", b"\4" + ip_address("2001:db8::1").packed),
            ("example.org", b"\3\x0bexample.org"),
            ("bücher.example", b"\3\x15xn--bcher-kva.example"),
        ):
            handshake = Socks5(Target(host, 1))
            handshake.outgoing()
            self.assertEqual(feed(handshake, b"\5\0")[0], b"\5\1\0" + expected + b"\0\1")

    def test_no_target(self) -> None:
        """What can't be asked for is told when it is made."""
        for host, said in (
            ("fe80::1%eth0", "fe80::1%eth0: a proxy can't be told an interface"),
            ("x" * 256, "a host's name has at most 255 bytes, and this has 256"),
            ("two words", "'two words' is no name of a host"),
            ("a\r\nb", "is no name of a host"),
            ("", "'' is no name of a host"),
        ):
            error = self.assertRaises(ValueError, Socks5, Target(host, 1))
            self.assertIn(said, str(error))

    def test_no_credentials(self) -> None:
        """Nor can credentials for which there is no room."""
        for credentials, said in (
            (Credentials(b"", b"x"), "the username is empty"),
            (Credentials(b"x" * 256, b"x"), "the username has 256 bytes"),
            (Credentials(b"x", b"x" * 256), "the password has 256 bytes"),
        ):
            error = self.assertRaises(ValueError, Socks5, _TARGET, credentials)
            self.assertIn(said, str(error))

    def test_shown(self) -> None:
        """A handshake shows what it awaits, and credentials show no password."""
        handshake = Socks5(_TARGET)
        handshake.receive(b"\5")
        self.assertEqual(
            repr(handshake), "<Socks5 awaits the method of authentication, 1 bytes of it>"
        )
        handshake.receive(b"\0" + _GRANTED)
        self.assertEqual(repr(handshake), "<Socks5 done>")
        self.assertEqual(repr(_ALICE), "<Credentials of b'alice'>")


class RefusalTest(SynchronousTestCase):
    """What goes wrong, each as a sentence."""

    def refusal(self, said: bytes, credentials: Credentials | None = None) -> ConnectError:
        """What a handshake fails with that is told this."""
        error: ConnectError = self.assertRaises(
            ConnectError, Socks5(_TARGET, credentials).receive, said
        )
        return error

    def test_replies(self) -> None:
        """Each reply code says what it is, with the server, as soon as it is there."""
        for code, why in (
            (1, "a failure that the proxy does not explain"),
            (2, "the proxy's rules do not allow it"),
            (3, "the network is unreachable"),
            (4, "the host is unreachable"),
            (5, "Connection refused"),
            (6, "the TTL expired on the way"),
            (7, "the proxy does not know the command CONNECT"),
            (8, "the proxy does not know this type of address"),
            (9, "the unknown reply 9"),
            (0xF0, "the onion service's descriptor was not found"),
            (0xFF, "the unknown reply 255"),
        ):
            error = self.refusal(b"\5\0\5" + bytes([code]))
            self.assertEqual(str(error), f"the SOCKS proxy can't connect example.org:443: {why}")
            # Where the server may come later it is tried again.
            self.assertIs(type(error), NobodyListensError if code == 5 else ConnectError)

    def test_authentication(self) -> None:
        """So does a proxy that wants other credentials, or some."""
        for credentials, said, expected in (
            (None, b"\5\xff", "the SOCKS proxy wants a username and a password"),
            (_ALICE, b"\5\xff", "the SOCKS proxy accepts no username and password"),
            (_ALICE, b"\5\2\1\1", "the SOCKS proxy refused the username and password"),
            (_ALICE, b"\5\1", "chose the authentication 1, which was not offered"),
            (None, b"\5\2", "chose the authentication 2, which was not offered"),
        ):
            self.assertIn(expected, str(self.refusal(said, credentials)))

    def test_another_protocol(self) -> None:
        """Whoever speaks something else is no proxy."""
        for said in (b"HT", b"\4\0", b"\5\0HT"):
            self.assertIn("no SOCKS 5 proxy answers there", str(self.refusal(said)))
        self.assertIn("an unknown type of address, 9", str(self.refusal(b"\5\0\5\0\0\x09\0")))


class AnythingTest(SynchronousTestCase):
    """Any reply, in any pieces."""

    def test_pieces(self) -> None:
        """However a reply is cut, the same is sent, and what follows it is the server's."""

        @settings(max_examples=examples(300), deadline=None, database=None)
        @given(
            st.one_of(st.none(), st.builds(Credentials, _FIELDS, st.binary(max_size=255))),
            st.booleans(),
            _BOUND_ADDRESSES,
            st.binary(max_size=40),
            st.lists(st.integers(0, 2000), max_size=40),
        )
        def one(
            credentials: Credentials | None,
            asks: bool,
            bound: bytes,
            servers: bytes,
            cuts: list[int],
        ) -> None:
            asked = asks and credentials is not None
            reply = (b"\5\2\1\0" if asked else b"\5\0") + b"\5\0\0" + bound + b"\0\0"
            whole = Socks5(_TARGET, credentials)
            whole.outgoing()
            expected = feed(whole, reply + servers)
            for pieces in (
                pieces_of(reply + servers, cuts),
                pieces_of(reply + servers, range(len(reply + servers))),
            ):
                handshake = Socks5(_TARGET, credentials)
                handshake.outgoing()
                self.assertEqual(feed_pieces(handshake, pieces), expected)
                self.assertTrue(handshake.done)
            self.assertEqual(expected[1], servers)
            self.assertTrue(expected[0].endswith(_REQUEST))

        one()

    def test_garbage(self) -> None:
        """Whatever comes, it is done, or fails with a sentence, or waits for at most 300 bytes."""

        @settings(max_examples=examples(500), deadline=None, database=None)
        @given(st.one_of(st.binary(max_size=600), st.binary(max_size=600).map(b"\5\0\5\0".__add__)))
        def one(said: bytes) -> None:
            handshake = Socks5(_TARGET, _ALICE)
            try:
                _, left = feed(handshake, said)
            except ConnectError as error:
                self.assertTrue(str(error))
                return
            self.assertTrue(handshake.done or (not left and len(said) < 300))

        one()
