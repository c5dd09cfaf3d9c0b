"""Peers of commands that are client endpoints."""

from __future__ import annotations

import signal
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pipetwist.process.endpoint import CommandEndpoint
from pipetwist.testing import FakeSpawner

__all__ = ["KILL", "TERM", "HalfClosingPeer", "MemoryTestCase", "Peer", "PeerFactory", "Producer"]

TERM, KILL = signal.SIGTERM, signal.SIGKILL


class Peer(Protocol):
    """Keeps what it hears."""

    transport: Any

    def __init__(self) -> None:
        self.data = b""
        self.heard: list[Any] = []
        self.over: Deferred[Any] = Deferred()

    def connectionMade(self) -> None:
        self.heard.append("made")

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        self.heard.append(reason.type)
        self.over.callback(reason.value)


@implementer(IHalfCloseableProtocol)
class HalfClosingPeer(Peer):
    """Keeps what it hears of half-closes too."""

    def readConnectionLost(self) -> None:
        self.heard.append("read")

    def writeConnectionLost(self) -> None:
        self.heard.append("write")


class PeerFactory(Factory[Peer]):
    """Builds peers, and keeps count of its connections."""

    noisy = False

    def __init__(self, kind: type[Peer] = Peer) -> None:
        self.protocol = kind
        self.addresses: list[Any] = []

    def buildProtocol(self, addr: Any) -> Peer | None:
        self.addresses.append(addr)
        return super().buildProtocol(addr)


class Producer:
    """Keeps what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pauseProducing(self) -> None:
        self.asked.append("pause")

    def resumeProducing(self) -> None:
        self.asked.append("resume")

    def stopProducing(self) -> None:
        self.asked.append("stop")


class MemoryTestCase(SynchronousTestCase):
    """A half-closing peer connected with a command of the test's, with a grace of 5 s."""

    kind: type[Peer] = HalfClosingPeer
    stubborn = False

    def setUp(self) -> None:
        """Connect."""
        self.clock = Clock()
        self.spawner = FakeSpawner(stubborn=self.stubborn)
        self.logged: list[str] = []
        self.factory = PeerFactory(self.kind)
        self.endpoint = self.make()
        self.peer = self.connected()
        self.transport = self.peer.transport
        (self.process,) = self.spawner.processes

    def make(self, *command: str, **options: Any) -> CommandEndpoint:
        """An endpoint."""
        log = Logger(
            "test",
            observer=lambda event: self.logged.append(event["log_format"].format(**event)),  # type: ignore[arg-type]  # a function observes
        )
        return CommandEndpoint(
            self.clock, command or ("cat", "-u"), spawner=self.spawner, log=log, **options
        )

    def connected(self) -> Any:
        """Connect a peer."""
        return self.successResultOf(self.endpoint.connect(self.factory))

    def signals(self) -> list[int]:
        """The signals that were sent."""
        return [number for _, number in self.spawner.signals]

    def assertOver(self, *heard: Any) -> None:
        """The peer has heard this, the loss once and last, and nothing is left."""
        self.assertEqual(self.peer.heard, ["made", *heard])
        self.assertEqual(
            (self.clock.getDelayedCalls(), self.factory.numPorts, self.transport.connected),
            ([], 0, False),
        )
