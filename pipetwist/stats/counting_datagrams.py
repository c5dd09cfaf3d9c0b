"""Counts the traffic of Twisted's datagram ports: a wrapper around a protocol, as
`pipetwist.stats.counting` has it for streams.

Payload is counted: of received datagrams when the protocol gets them, of sent ones when the system
has accepted them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import ConnectedDatagramProtocol, DatagramProtocol
from twisted.python.failure import Failure
from zope.interface import directlyProvides, providedBy

from pipetwist.interfaces import AnyProtocol, AnyTransport, TrackerLike

__all__ = ["CountingDatagramProtocol"]


class _CountingTransport:
    """What the wrapped protocol sees as its transport."""

    def __init__(self, transport: AnyTransport, written: Callable[[object, int], None]) -> None:
        self._transport = transport
        self._written = written
        directlyProvides(self, providedBy(transport))

    def write(self, datagram: bytes, *address: object) -> object:
        """Pass on, and count what the system has accepted: Twisted's ports return how much, or
        nothing if they drop it.
        """
        taken = self._transport.write(datagram, *address)
        if isinstance(taken, int):
            self._written(address[0] if address else None, taken)
        return taken

    def __getattr__(self, name: str) -> Any:  # whatever the transport has
        return getattr(self._transport, name)


class CountingDatagramProtocol(ConnectedDatagramProtocol):
    """Wraps a protocol and its port, and counts what passes; otherwise each sees the other
    unchanged.

    Args:
        wrapped: the protocol.
        tracker: gives the tracker for a peer's address, as the protocol gets it, or None to leave
            that peer uncounted. For a port with one peer, whose calls have no address, it is called
            with None.
    """

    def __init__(
        self,
        wrapped: DatagramProtocol | ConnectedDatagramProtocol,
        tracker: Callable[[Any], TrackerLike | None],  # Any: an address of the port's
    ) -> None:
        self.noisy = wrapped.noisy
        self._wrapped: AnyProtocol = wrapped
        self._tracker = tracker

    def makeConnection(self, transport: AnyTransport) -> None:
        """Pass on, with a transport that counts."""
        self._wrapped.makeConnection(_CountingTransport(transport, self._written))

    def doStart(self) -> None:
        """Pass on."""
        self._wrapped.doStart()

    def doStop(self) -> None:
        """Pass on."""
        self._wrapped.doStop()

    def datagramReceived(self, datagram: bytes, *address: object) -> None:
        """Count and pass on."""
        tracker = self._tracker(address[0] if address else None)
        if tracker is not None and datagram:
            tracker.uplink(len(datagram))
        self._wrapped.datagramReceived(datagram, *address)

    def connectionRefused(self) -> None:
        """Pass on."""
        self._wrapped.connectionRefused()

    def connectionFailed(self, failure: Failure) -> None:
        """Pass on."""
        self._wrapped.connectionFailed(failure)

    def logPrefix(self) -> str:
        """The wrapped protocol's."""
        prefix: str = self._wrapped.logPrefix()
        return prefix

    def _written(self, address: object, count: int) -> None:
        tracker = self._tracker(address)
        if tracker is not None and count:
            tracker.downlink(count)
