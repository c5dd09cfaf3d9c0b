"""What tests of outbounds to sockets have in common."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvidedBy, directlyProvides

from pipetwist.errors import ConnectError
from pipetwist.interfaces import IDescriptorSide, ISide
from pipetwist.kernel.context import kernel_context
from pipetwist.outbounds.context import OutboundContext
from pipetwist.testing import RecordingReceiver
from tests.support.memory_transport import TurningReactor

__all__ = ["Addresses", "SocketTestCase"]


class SocketTestCase(SynchronousTestCase):
    """Outbounds on a reactor that turns when the test says so."""

    in_kernel = False

    def setUp(self) -> None:
        """Prepare what they work with."""
        self.reactor = TurningReactor()
        self.kernel = kernel_context(self.reactor) if self.in_kernel else None
        if self.kernel is not None:
            self.addCleanup(self.kernel.close)
        self.context = OutboundContext(self.reactor, None, None, self.kernel)

    def side(self, connecting: Any) -> ISide:
        """The side of what is connected; the test's clean-up aborts it."""
        for _ in range(3):
            self.reactor.turn()
        side: ISide = (
            self.successResultOf(connecting) if isinstance(connecting, Deferred) else connecting
        )
        self.addCleanup(side.abort)
        self.assertEqual(IDescriptorSide.providedBy(side), self.in_kernel)
        return side

    def error(self, connecting: Any) -> str:
        """Why it can't be connected."""
        for _ in range(3):
            self.reactor.turn()
        return str(self.failureResultOf(connecting, ConnectError).value)

    def listen(self, family: int, address: Any, backlog: int = 10) -> socket.socket:
        """Listen there; the test's clean-up closes it."""
        listening = socket.socket(family)
        self.addCleanup(listening.close)
        listening.bind(address)
        listening.listen(backlog)
        listening.settimeout(60)
        return listening

    def assertCarries(self, side: ISide, listening: socket.socket) -> None:
        """Bytes go both ways between the side and who listens."""
        accepted, _ = listening.accept()
        with accepted:
            accepted.sendall(b"banner")
            receiver = RecordingReceiver()
            side.attach(receiver)
            for _ in range(3):
                self.reactor.turn()
            self.assertEqual(receiver.data, b"")
            side.resume_reading()
            side.write(b"hello")
            for _ in range(3):
                self.reactor.turn()
            accepted.settimeout(60)
            self.assertEqual((accepted.recv(99), receiver.data), (b"hello", b"banner"))


class Addresses(MemoryReactorClock):
    """A reactor that connects addresses when the test says so, and reads no descriptors."""

    def __init__(self) -> None:
        super().__init__()
        directlyProvides(
            self,
            *(
                interface
                for interface in directlyProvidedBy(self)
                if interface is not IReactorFDSet
            ),
        )
