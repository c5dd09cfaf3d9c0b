"""Handshakes with proxies on real sockets."""

from __future__ import annotations

import socket
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import ConnectError, NobodyListensError
from pipetwist.kernel.poller import Poller
from pipetwist.kernel.reactor_watcher import ReactorWatcher
from pipetwist.outbounds.proxy_handshake import shake_hands
from pipetwist.socks.handshake import ProxyHandshake
from pipetwist.socks.http_connect import HttpConnect
from pipetwist.socks.socks5 import Socks5
from pipetwist.socks.target import Target
from tests.support.examples import examples
from tests.support.memory_transport import TurningReactor

_TARGET = Target("example.org", 80)
_REPLIES: list[tuple[type[Any], list[bytes]]] = [
    (Socks5, [b"\5\0", b"\5\0\0\1\0\0\0\0\0\0"]),
    (HttpConnect, [b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"]),
]


class HandshakeTest(SynchronousTestCase):
    """In an epoll set of ours."""

    def setUp(self) -> None:
        """Connect two sockets."""
        self.reactor: Any = TurningReactor()
        self.watcher: Any = self.make_watcher()
        self.begin()

    def make_watcher(self) -> Any:
        """What tells of events."""
        poller = Poller(self.reactor)
        self.addCleanup(poller.close)
        return poller

    def begin(self) -> None:
        """Two new sockets."""
        self.opened, self.proxy = socket.socketpair()
        self.addCleanup(self.proxy.close)
        self.addCleanup(self.opened.close)
        self.proxy.setblocking(False)

    def shake_hands(self, handshake: ProxyHandshake) -> Deferred[Any]:
        """Begin a handshake."""
        return shake_hands(self.watcher, self.opened, handshake, "via there")

    def turn(self) -> None:
        """Let the reactor go round."""
        for _ in range(2):
            self.reactor.turn()

    def test_pieces(self) -> None:
        """However a reply is cut, what follows it stays in the socket, to the byte."""

        @settings(max_examples=examples(60), deadline=None, database=None)
        @given(
            st.sampled_from(_REPLIES),
            st.binary(max_size=20),
            st.lists(st.integers(1, 12), max_size=40),
        )
        def one(spoken: tuple[type[Any], list[bytes]], servers: bytes, sizes: list[int]) -> None:
            kind, replies = spoken
            self.begin()
            connecting = self.shake_hands(kind(_TARGET))
            for number, reply in enumerate(replies, 1):
                self.assertTrue(self.proxy.recv(999))
                left = reply + (servers if number == len(replies) else b"")
                for size in (*sizes, len(left)):
                    self.proxy.send(left[:size])
                    left = left[size:]
                    self.turn()
            self.assertIs(self.successResultOf(connecting), self.opened)
            self.proxy.shutdown(socket.SHUT_WR)
            self.opened.settimeout(60)
            self.assertEqual(self.opened.recv(99), servers)
            self.opened.close()
            self.proxy.close()

        one()

    def test_full(self) -> None:
        """A request for which there is no room is sent when there is."""
        for size in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            self.opened.setsockopt(socket.SOL_SOCKET, size, 1)
        self.opened.setblocking(False)
        filled = _fill(self.opened)
        connecting = self.shake_hands(HttpConnect(_TARGET))
        heard = b""
        while not heard.endswith(b"\r\n\r\n"):
            heard += self.proxy.recv(999)
            self.turn()
        self.assertTrue(heard[filled:].startswith(b"CONNECT example.org:80 "))
        self.proxy.send(_REPLIES[1][1][0])
        self.turn()
        self.assertIs(self.successResultOf(connecting), self.opened)

    def test_refused(self) -> None:
        """A refusal has the proxy's name, stays of its kind, and closes the socket."""
        connecting = self.shake_hands(Socks5(_TARGET))
        self.proxy.send(b"\5\0\5\5")
        self.turn()
        error = self.failureResultOf(connecting, NobodyListensError).value
        self.assertEqual(
            str(error),
            "via there: the SOCKS proxy can't connect example.org:80: Connection refused",
        )
        self.assertEqual(self.opened.fileno(), -1)

    def test_closed(self) -> None:
        """So does a proxy that closes."""
        connecting = self.shake_hands(Socks5(_TARGET))
        self.proxy.recv(999)
        self.proxy.close()
        self.turn()
        error = self.failureResultOf(connecting, ConnectError).value
        self.assertEqual(str(error), "via there: the proxy closed the connection in the handshake")
        self.assertEqual(self.opened.fileno(), -1)

    def test_cancelled(self) -> None:
        """Nobody is told of anything any more, and the socket is closed."""
        connecting = self.shake_hands(Socks5(_TARGET))
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertEqual(self.opened.fileno(), -1)
        self.turn()


def _fill(connected: socket.socket) -> int:
    """Send until there is no room, and say how much that was."""
    filled = 0
    try:
        while True:
            filled += connected.send(b"x" * 100)
    except BlockingIOError:
        return filled


class ReactorHandshakeTest(HandshakeTest):
    """In the reactor."""

    def make_watcher(self) -> Any:
        """What tells of events."""
        return ReactorWatcher(self.reactor)
