"""The transport for sockets of other families than Twisted knows."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor, ITCPTransport, ITransport
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.transfer.socket_transport import SocketName, SocketTransport
from tests.support.memory_transport import TurningReactor


class SocketTransportTest(SynchronousTestCase):
    """One whose socket is of a pair. What it carries the conformance suite tries."""

    def make(self) -> tuple[SocketTransport, socket.socket]:
        """Make it; the test's clean-up ends it."""
        near, far = socket.socketpair()
        self.addCleanup(far.close)
        near.setblocking(False)
        reactor: Any = TurningReactor()  # an IReactorFDSet, which it does not declare
        transport = SocketTransport(near, Protocol(), reactor)
        self.addCleanup(transport.connectionLost, Failure(ConnectionLost()))
        return transport, far

    def test_interfaces(self) -> None:
        """It can half-close, and is no TCP transport."""
        transport, _ = self.make()
        verifyObject(ITransport, transport)
        self.assertTrue(IHalfCloseableDescriptor.providedBy(transport))
        self.assertFalse(ITCPTransport.providedBy(transport))

    def test_shown(self) -> None:
        """It shows its descriptor, and the names of its ends as the system gives them."""
        transport, _ = self.make()
        self.assertEqual(repr(transport), f"<SocketTransport fd={transport.fileno()}>")
        self.assertEqual((transport.getHost(), transport.getPeer()), (SocketName(""),) * 2)

    def test_nothing_to_write(self) -> None:
        """Writing nothing asks the system for nothing, which may take it for a failure."""
        transport, far = self.make()
        far.close()
        self.assertEqual(transport.writeSomeData(b""), 0)
        self.assertIs(transport.writeSomeData(b"x"), CONNECTION_LOST)
        transport.socket.close()
        self.assertEqual(transport.writeSomeData(b""), 0)
