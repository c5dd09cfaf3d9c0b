"""What tests of the inbounds have in common."""

from __future__ import annotations

import socket
from typing import Any

from OpenSSL import SSL
from twisted.logger import Logger, LogPublisher, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.inbounds.context import InboundContext
from pipetwist.interfaces import IInbound
from pipetwist.kernel.context import kernel_context
from pipetwist.testing import RecordingRelay
from tests.support.memory_transport import TurningReactor
from tests.support.scratch import scratch_folder

__all__ = ["InboundTestCase", "Peer"]


class InboundTestCase(SynchronousTestCase):
    """Inbounds on a reactor that turns when the test says so, before a relay that keeps its
    clients.
    """

    in_kernel = False

    def setUp(self) -> None:
        """Prepare what they work with."""
        self.folder = scratch_folder(self)
        self.reactor = TurningReactor()
        self.relay = RecordingRelay()
        self.events: list[dict[str, Any]] = []
        kernel = kernel_context(self.reactor) if self.in_kernel else None
        if kernel is not None:
            self.addCleanup(kernel.close)
        log = Logger("pipetwist", observer=LogPublisher(self.events.append))  # type: ignore[arg-type]  # a list's append observes well
        self.context = InboundContext(self.reactor, self.relay, None, kernel, log)
        self.addCleanup(self.abort)

    def abort(self) -> None:
        """Abort every connection that came in."""
        for _, side in self.relay.handled:
            side.abort()
        self.reactor.advance(0)

    def listen(self, inbound: Any) -> Any:
        """Listen; the test's clean-up stops it."""
        verifyObject(IInbound, inbound)
        self.addCleanup(inbound.stop_listening)
        self.successResultOf(inbound.listen())
        return inbound

    def connect(self, family: int, address: Any) -> socket.socket:
        """Connect a client, and let it in; the test's clean-up closes it."""
        client = socket.socket(family)
        self.addCleanup(client.close)
        client.connect(address)
        client.settimeout(60)
        for _ in range(3):
            self.reactor.turn()
        return client

    def said(self) -> list[str]:
        """What was logged, but for where it listens."""
        said = [f"{event['log_level'].name}: {formatEvent(event)}" for event in self.events]
        return [line for line in said if " listens on " not in line]


class Peer:
    """A TLS transport, as far as it says who the peer is."""

    def __init__(self, certificate: Any) -> None:
        self._certificate = certificate
        # What says whether a session was resumed.
        self._ssl = SSL.Connection(SSL.Context(SSL.TLS_METHOD))._ssl

    def getHandle(self) -> Any:
        """See ISystemHandle."""
        return self

    def get_peer_certificate(self) -> Any:
        """See OpenSSL.SSL.Connection."""
        return self._certificate

    def getPeer(self) -> Any:
        """See ITransport."""
        return None
