"""A name resolver of Twisted's that uses our look-ups, for endpoints that ask the reactor to
resolve.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from zope.interface import implementer

from pipetwist.network.lookups import Address, Lookups

__all__ = ["NameResolver", "announce"]

_KINDS: dict[int, Callable[..., IAddress]] = {
    socket.AF_INET: IPv4Address,
    socket.AF_INET6: IPv6Address,
}


@implementer(IHostResolution)
class _Resolution:
    """One look-up."""

    finding: Deferred[None] | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Stop waiting."""
        if self.finding is not None:
            self.finding.cancel()


@implementer(IHostnameResolver)
class NameResolver:
    """A name resolver for a reactor.

    Args:
        lookups: looks up.
    """

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """See ``IHostnameResolver``: a name that can't be resolved has no addresses."""
        resolution = _Resolution(hostName)
        wanted = tuple(addressTypes or _KINDS.values())

        def known(found: Sequence[Address]) -> None:
            announce(
                [each for each in found if _KINDS.get(each[0]) in wanted],
                resolutionReceiver,
                resolution,
                transportSemantics,
            )

        resolution.finding = (
            self._lookups.find(hostName, portNumber)
            .addErrback(lambda _: [])  # the interface has no way to report why
            .addCallback(known)
        )
        return resolution


def announce(
    found: Sequence[Address],
    receiver: IResolutionReceiver,
    resolution: IHostResolution,
    kind: str = "TCP",
) -> IHostResolution:
    """Pass the addresses of a name to a receiver of Twisted's, all at once.

    Args:
        found: the addresses.
        receiver: an ``IResolutionReceiver``.
        resolution: the resolution to pass to it.
        kind: ``TCP`` or ``UDP``.

    Returns:
        The resolution.
    """
    receiver.resolutionBegan(resolution)
    for family, address in found:
        if family in _KINDS:
            host, port, *more = address
            if any(more[1:]):  # the interface's number: Twisted's sockets want it in the text
                host = f"{host}%{more[1]}"
            receiver.addressResolved(_KINDS[family](kind, host, port))
    receiver.resolutionComplete()
    return resolution
