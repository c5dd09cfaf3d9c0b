"""The gate of an inbound: who comes in there, who is refused, and whether there is room for one
more.

Streams, handshakes and the sources of datagrams all come in here. Where a connection goes then is
the relay's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo
from pipetwist.datagram.framed import FramedSide, FrameStatistics
from pipetwist.inbounds.context import InboundContext
from pipetwist.interfaces import IGate, IOutbound, IRoute, ISide, ITracker, Medium
from pipetwist.kinds.inbound_options import InboundOptions, StreamInboundOptions

__all__ = ["Entered", "Gate", "RefusedError"]

# Of so many different ones, or a flood of datagrams would be a flood of lines.
_MAX_NAMED = 1000

_Client = TypeVar("_Client")


class RefusedError(Exception):
    """This client may not come in. Its text says who and why."""


class Entered(Protocol):
    """An inbound, as its gate sees it."""

    options: InboundOptions
    """What its configuration says; a reload may bring others."""
    context: InboundContext
    """What it works with."""


@implementer(IGate)
class Gate:
    """Lets clients in at an inbound, each on whatever it came by: a socket, a transport, an address
    that it sends datagrams from.

    Args:
        inbound: the inbound.
        identify: says who a client is; raises `RefusedError`, or OSError where it has gone
            meanwhile.
    """

    __slots__ = ("_framed", "_identify", "_inbound", "_named", "_relay", "_share", "tag")

    def __init__(self, inbound: Entered, identify: Callable[[Any], ClientInfo]) -> None:
        options = inbound.options
        self.tag = options.tag
        self._inbound = inbound
        self._identify = identify
        self._relay = inbound.context.relay
        self._share = inbound.context.shares.share(options.tag)
        self._framed = isinstance(options, StreamInboundOptions) and options.framing is not None
        self._named: set[str] = set()

    def __repr__(self) -> str:
        return f"<Gate {self.tag}: room for {self.room}, {self._share}>"

    # Whether there is room. The system is not asked: what a connection will take is known from its
    # ends.

    @property
    def room(self) -> int:
        """How many more may come in now, wherever they go."""
        return self._share.room

    def wait(self, resume: Callable[[], None]) -> None:
        """Have something done once there may be room. Who comes meanwhile is not accepted yet."""
        self._inbound.context.shares.wait(resume, self)
        self.tell("waits until one closes")

    def forget(self, resume: Callable[[], None]) -> None:
        """Do not do this any more when there is room."""
        self._inbound.context.shares.forget(resume)

    def tell(self, what: str) -> None:
        """Say in the log that there is no room.

        Args:
            what: what becomes of who comes.
        """
        self._share.tell(what)

    def expect(self) -> int:
        """Keep room for a client who is not in yet, as in a TLS handshake.

        Returns:
            How much, for `expected`.
        """
        return self._share.enter()

    def expected(self, kept: int) -> None:
        """That client is in now, or has gone: its room is not kept any more."""
        self._share.entered(kept)

    # Who comes in, and who has left.

    def let_in(
        self, client: _Client, make_side: Callable[[_Client, IOutbound, ITracker | None], ISide]
    ) -> bool:
        """Let a client in, if it may, and have it carried.

        Args:
            client: what it came by.
            make_side: makes the client's side, once it is known where its connection goes and what
                is counted. What it raises as OSError is told.

        Returns:
            Whether it came in. Where not, it is the caller's to end; why is logged and counted.
        """
        try:
            client_info = self._identify(client)
        except RefusedError as refusal:
            self._refuse(str(refusal))
            return False
        except OSError:  # it is gone already, and nobody knows who it was
            return False
        route = self._relay.route(client_info)
        statistics = FrameStatistics(route.tracker) if self._framed else None
        try:
            side = make_side(client, route.outbound, statistics or route.tracker)
        except OSError as error:
            log = self._inbound.context.log
            log.warn(
                "inbound {tag}: {peer} can't be served: {error}",
                tag=self.tag,
                peer=client_info.peer,
                error=error.strerror,
            )
            self._relay.rejected(self.tag, Cause.INTERNAL)
            return False
        if statistics is not None:
            side = FramedSide(side, statistics, route.outbound.max_datagram_bytes)
        self._share.opened(route.outbound.tag)
        self._relay.handle(route, side, self)
        return True

    def lost(self, cause: Cause) -> None:
        """Count a client who was lost before it could come in."""
        self._relay.rejected(self.tag, cause)

    def connection_closed(self, route: IRoute) -> None:
        self._share.closed(route.outbound.tag)

    def name_again(self) -> None:
        """Tell and count anew who is refused: of datagrams that is done once, and not each time
        that somebody sends.
        """
        self._named.clear()

    def _refuse(self, text: str) -> None:
        if self._inbound.options.medium is Medium.DATAGRAMS:
            if text in self._named or len(self._named) >= _MAX_NAMED:
                return
            self._named.add(text)
        self._inbound.context.log.warn("inbound {tag}: {refusal}", tag=self.tag, refusal=text)
        self._relay.rejected(self.tag, Cause.REFUSED)
