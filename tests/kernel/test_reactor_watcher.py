"""Connecting where the reactor itself tells of it."""

from __future__ import annotations

import socket
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IWriteDescriptor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.errors import ConnectError, NobodyListensError
from pipetwist.interfaces import ISide
from pipetwist.kernel import connector
from pipetwist.kernel.connector import connect_socket
from pipetwist.kernel.poller import OUT
from pipetwist.kernel.reactor_watcher import ReactorWatcher
from pipetwist.testing import FakeSide
from tests.support.memory_transport import TurningReactor


class ReactorWatcherTest(SynchronousTestCase):
    """A socket that connects."""

    def setUp(self) -> None:
        """Listen, and have connecting take its time."""
        self.reactor: Any = TurningReactor()
        self.watcher = ReactorWatcher(cast("IReactorFDSet", self.reactor))
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        self.address = self.server.getsockname()
        self.patch(connector, "_TCP", ())  # those are asked twice, and are done by then
        self.made: list[socket.SocketType] = []

    def connect(self) -> Deferred[ISide]:
        """Begin."""

        def side(connected: socket.SocketType) -> ISide:
            self.made.append(connected)
            self.addCleanup(connected.close)
            return FakeSide()

        connecting = connect_socket(
            self.reactor,
            self.watcher,
            socket.AF_INET,
            self.address,
            "there",
            side,
        )
        assert isinstance(connecting, Deferred)
        return connecting

    def test_connected(self) -> None:
        """Once it is connected, it is watched no more."""
        connecting = self.connect()
        self.assertEqual(repr(self.watcher), "<ReactorWatcher 1 watched>")
        self.reactor.turn()
        self.successResultOf(connecting)
        self.assertEqual(len(self.made), 1)
        self.assertEqual((repr(self.watcher), self.reactor.writers), (_NONE, set()))

    def test_refused(self) -> None:
        """A refusal is told as ever."""
        self.server.close()
        connecting = self.connect()
        self.reactor.turn()
        self.failureResultOf(connecting, NobodyListensError)
        self.assertEqual((repr(self.watcher), self.reactor.writers), (_NONE, set()))

    def test_given_up(self) -> None:
        """Given up it is not watched any more."""
        connecting = self.connect()
        connecting.addErrback(lambda _: None)
        connecting.cancel()
        self.assertEqual((repr(self.watcher), self.reactor.writers), (_NONE, set()))

    def test_told_of_a_loss(self) -> None:
        """Some reactors tell of a failure as of a loss."""
        told: list[int] = []

        class Told:
            def ready(self, events: int) -> None:
                told.append(events)

            def failed(self) -> None:
                told.append(-1)

        self.watcher.add(4711, Told(), OUT)
        (watched,) = self.reactor.writers
        verifyObject(IWriteDescriptor, watched)
        watched.connectionLost(Failure(ConnectError()))
        self.assertEqual((told, watched.fileno(), watched.logPrefix()), ([OUT], 4711, "connecting"))


_NONE = "<ReactorWatcher 0 watched>"
