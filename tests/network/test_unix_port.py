"""Accepting from a unix socket of ours: a reactor that the test turns, and real sockets."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.network.unix_port import UnixPort
from tests.support.scratch import scratch_folder


class _Reactor(Clock):
    """Has what a test looks at of a reactor: who is read, and which connections were taken."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []
        self.taken: list[socket.socket] = []

    def addReader(self, reader: Any) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.remove(reader)

    def adoptStreamConnection(self, descriptor: int, family: int, factory: Any) -> None:
        self.taken.append(socket.fromfd(descriptor, family, socket.SOCK_STREAM))


class _Listening(ListeningSocket):
    """Short of descriptors where the test says so."""

    error: int | None = None

    def take(self) -> socket.SocketType:
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        return super().take()


class UnixPortTest(SynchronousTestCase):
    """A port, and its clients."""

    def setUp(self) -> None:
        """Listen."""
        self.path = str(scratch_folder(self) / "socket")
        self.reactor = _Reactor()
        self.listening = _Listening(socket.AF_UNIX)
        self.addCleanup(self.listening.close)
        self.listening.bind(self.path)
        self.listening.listen()
        self.events: list[Any] = []
        log = Logger(observer=self.events.append)  # type: ignore[arg-type]  # a list's append observes well
        self.factory = Factory.forProtocol(Protocol)
        self.factory.noisy = False
        self.port = UnixPort(self.reactor, self.listening, self.factory, log)

    def connect(self) -> None:
        """A client."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(self.path)

    def turn(self) -> int:
        """Have the reactor read once; how many were admitted up to now."""
        self.port.doRead()
        for one in self.reactor.taken:
            self.addCleanup(one.close)
        return len(self.reactor.taken)

    def test_a_few_in_a_turn(self) -> None:
        """Four are admitted in each turn, so that others get theirs."""
        for _ in range(6):
            self.connect()
        self.assertEqual([self.turn() for _ in range(3)], [4, 6, 6])
        self.assertFalse(os.get_blocking(self.reactor.taken[0].fileno()))

    def test_shortage(self) -> None:
        """Without descriptors clients wait, one line in the log says so, and it is tried again."""
        self.connect()
        self.listening.error = errno.EMFILE
        for _ in range(3):
            self.assertEqual(self.turn(), 0)
            self.assertEqual(self.reactor.readers, [])
            self.assertIn("waits for a descriptor", repr(self.port))
            self.reactor.advance(0.1)
            self.assertEqual(self.reactor.readers, [self.port])
        self.assertEqual(
            [formatEvent(event) for event in self.events],
            ["can't accept a connection: Too many open files; trying again"],
        )
        self.listening.error = None
        self.assertEqual(self.turn(), 1)

    def test_client_that_has_gone(self) -> None:
        """The error of a client that had gone is ignored, and the port continues."""
        self.listening.error = errno.ECONNABORTED
        self.assertEqual(self.turn(), 0)
        self.listening.error = None
        self.connect()
        self.assertEqual((self.turn(), self.reactor.readers, self.events), (1, [self.port], []))

    def test_stop(self) -> None:
        """After the stop nobody gets in, and nothing is left to do."""
        self.assertEqual(self.factory.numPorts, 1)
        self.listening.error = errno.ENFILE
        self.turn()
        self.port.stopListening()
        self.assertEqual(
            (self.reactor.readers, self.reactor.getDelayedCalls(), self.factory.numPorts),
            ([], [], 0),
        )
        self.assertRaises(ConnectionRefusedError, self.connect)
