"""The outbound ``endpoint``: whatever a Twisted client endpoint string describes. Other outbounds
use parts of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.error import ConnectingCancelledError, DNSLookupError
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.datagram.framed import frame_connection
from pipetwist.datagram.framing import MAX_FRAMED_BYTES
from pipetwist.errors import StartError
from pipetwist.interfaces import AnyDeferred, AnyFactory, IClientOutbound, ISide
from pipetwist.kinds.outbound_options import OutboundOptions, StreamOutboundOptions
from pipetwist.kinds.proxy_options import ProxiedOutboundOptions
from pipetwist.network.endpoint_kinds import unknown_client_kind
from pipetwist.network.lookups import Lookups
from pipetwist.network.named_binding import BoundClientEndpoint, KnowingReactor
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.proxied import HeadedEndpoint, ProxiedOutbound
from pipetwist.transfer.keep_alive import KeepAlive
from pipetwist.transfer.stream import StreamSide
from pipetwist.values import EndpointString

__all__ = ["EndpointOutbound", "EndpointOutboundOptions", "connect_endpoint"]


@dataclass(frozen=True, kw_only=True)
class EndpointOutboundOptions(ProxiedOutboundOptions, StreamOutboundOptions):
    """An outbound to whatever a Twisted client endpoint string describes."""

    type: Literal["endpoint"] = "endpoint"
    """Always ``endpoint``."""
    endpoint: EndpointString
    """The endpoint string, for instance ``tcp:127.0.0.1:80``."""

    def unknown_here(self) -> Iterator[tuple[str, str]]:
        text = unknown_client_kind(self.endpoint)
        if text is not None:
            yield "endpoint", text


class Connecting(Protocol):
    """A client endpoint of Twisted's, for type checkers without a plug-in for zope's interfaces."""

    def connect(self, protocolFactory: AnyFactory, /) -> AnyDeferred: ...


def connect_endpoint(
    endpoint: Connecting, context: OutboundContext, keep_alive: KeepAlive | None = None
) -> Deferred[ISide]:
    """Connect an endpoint, and make it a side of a connection.

    Args:
        endpoint: the endpoint.
        context: what the outbound works with.
        keep_alive: the keepalive, if the connection is TCP; None for the default.
    """
    kept_alive = keep_alive or KeepAlive()

    class SideFactory(Factory[StreamSide]):
        noisy = False

        def buildProtocol(self, addr: object) -> StreamSide:
            return StreamSide(context.reactor, context.peer_close_watch)

    def connected(side: StreamSide) -> StreamSide:
        kept_alive.set_on_transport(side.transport)
        return side

    connecting: Deferred[StreamSide] = endpoint.connect(SideFactory())
    return connecting.addCallback(connected)


@implementer(IClientOutbound)
class EndpointOutbound(ProxiedOutbound):
    """Connects an endpoint for each connection.

    Args:
        options: what the configuration says.
        context: what it works with.

    Raises:
        StartError: the string is not a client endpoint string.
    """

    Options: ClassVar[type[OutboundOptions]] = EndpointOutboundOptions

    def __init__(self, options: EndpointOutboundOptions, context: OutboundContext) -> None:
        self.tag = options.tag
        self.connect_timeout = options.connect_timeout
        self.half_close = options.half_close
        self.max_datagram_bytes = None if options.framing is None else MAX_FRAMED_BYTES
        self.in_kernel = False
        self._context = context
        self._keep_alive = KeepAlive()
        # Twisted does not tell whom it asks for: a name is one of these.
        self._pieces = re.split("[:=]", options.endpoint)
        reactor = KnowingReactor(context.reactor)
        try:
            endpoint = clientFromString(reactor, options.endpoint)
        except Exception as error:
            # Parsers of endpoint strings are plug-ins, and may raise anything.
            message = (
                f"outbound {self.tag}: {options.endpoint!r} is not a client endpoint string: "
                f"{error}"
            )
            raise StartError(message) from error
        lookups = context.lookups or Lookups(context.reactor)
        self._endpoint = BoundClientEndpoint(endpoint, reactor, lambda name: lookups.find(name, 0))
        self.use_headers(options)

    def connect_with(self, header: bytes | None) -> ISide | Deferred[ISide]:
        endpoint: Connecting = self._endpoint
        if header is not None:
            endpoint = HeadedEndpoint(endpoint, header)
        lookups = self._context.lookups
        connecting = connect_endpoint(endpoint, self._context, self._keep_alive)
        if lookups is not None:
            connecting.addErrback(self._explained, lookups, lookups.ended)
        return connecting if self.max_datagram_bytes is None else frame_connection(connecting)

    def _explained(self, failure: Failure, lookups: Lookups, ended: int) -> Failure:
        """Explain the failure of a cancelled attempt that was still waiting for its name."""
        if failure.check(CancelledError, ConnectingCancelledError, DNSLookupError):
            late = lookups.late_name(self._pieces, ended)
            if late is not None:
                return Failure(late)
        return failure
