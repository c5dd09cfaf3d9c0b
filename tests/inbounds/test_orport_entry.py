"""The exchange of an Extended ORPort on sockets."""

from __future__ import annotations

import hmac
import os
import socket
from hashlib import sha256
from typing import cast

from twisted.internet.interfaces import IReactorFDSet
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.inbounds.orport_entry import EXCHANGE_SECONDS, OrPortEntry
from pipetwist.kernel.reactor_watcher import ReactorWatcher
from pipetwist.plugins.extended_orport import ExtendedOrPort
from tests.support.memory_transport import TurningReactor

_COOKIE = b"c" * 32
_OURS = b"o" * 32
_DONE = b"\0\0\0\0"


class OrPortEntryTest(SynchronousTestCase):
    """One transport's connection."""

    def setUp(self) -> None:
        """Accept it."""
        self.reactor = TurningReactor()
        watcher = ReactorWatcher(cast("IReactorFDSet", self.reactor))
        self.done: list[tuple[socket.SocketType, ExtendedOrPort]] = []
        self.refused: list[str] = []
        self.entry = OrPortEntry(
            self.reactor,
            watcher,
            _COOKIE,
            lambda accepted, exchange: self.done.append((accepted, exchange)),
            self.refused.append,
        )
        self.peer, self.accepted = socket.socketpair()
        self.peer.settimeout(60)
        self.addCleanup(self.peer.close)
        self.addCleanup(self.accepted.close)
        self.entry.accepted(self.accepted)

    def turn(self) -> None:
        """Let what has come be handled."""
        for _ in range(4):
            self.reactor.turn()

    def show(self, cookie: bytes = _COOKIE) -> None:
        """Have the authentication, with a cookie."""
        self.assertEqual(self.peer.recv(2), b"\1\0")
        self.peer.sendall(b"\1" + _OURS)
        self.turn()
        answer = self.peer.recv(64)
        nonce = answer[32:]
        words = b"ExtORPort authentication client-to-server hash"
        self.peer.sendall(hmac.digest(cookie, words + _OURS + nonce, sha256))
        self.turn()

    def assertLeft(self) -> None:
        """Nothing is left of it."""
        self.assertEqual(
            (self.reactor.getDelayedCalls(), self.reactor.readers, repr(self.entry)),
            ([], set(), "<OrPortEntry 0 open>"),
        )

    def test_done(self) -> None:
        """What follows the exchange is still to be read, and its bound is over."""
        self.show()
        self.assertEqual(self.peer.recv(1), b"\1")
        address = b"192.0.2.7:4711"
        self.peer.sendall(b"\0\1\0" + bytes([len(address)]) + address + _DONE + b"hello")
        self.turn()
        ((accepted, exchange),) = self.done
        self.assertEqual(exchange.client, ("192.0.2.7", 4711))
        self.assertEqual(accepted.recv(9), b"hello")
        self.assertEqual(self.peer.recv(9), b"\x10\0\0\0")
        self.assertLeft()

    def test_wrong_cookie(self) -> None:
        """One that does not know the cookie is told so, and is closed."""
        self.show(os.urandom(32))
        self.assertEqual(self.peer.recv(9), b"\0")
        self.assertEqual(self.peer.recv(9), b"")
        self.assertEqual((self.refused, self.done), (["it does not know the cookie"], []))
        self.assertLeft()

    def test_silent(self) -> None:
        """One that says nothing is closed in time."""
        self.reactor.advance(EXCHANGE_SECONDS - 0.1)
        self.assertEqual(self.refused, [])
        self.reactor.advance(0.2)
        self.assertEqual(self.refused, [f"it was not done within {EXCHANGE_SECONDS:g} s"])
        self.assertLeft()

    def test_gone(self) -> None:
        """One that closes before is over."""
        self.assertEqual(self.peer.recv(2), b"\1\0")
        self.peer.close()
        self.turn()
        self.assertEqual(self.refused, ["it closed the connection before it was done"])
        self.assertLeft()

    def test_stop(self) -> None:
        """A stop closes those that are not done, without a word."""
        self.entry.stop()
        self.assertEqual(self.refused, [])
        self.assertLeft()
