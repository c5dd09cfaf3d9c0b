"""The gate of an inbound: which clients are admitted, which are refused, and how many more there is
room for.

Streams, handshakes and sources of datagrams all pass it. The relay decides where a connection goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar

from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo
from pipetwist.datagram.framed import FramedSide, FrameStatistics
from pipetwist.errors import LimitError, RefusedError
from pipetwist.inbounds.context import InboundContext
from pipetwist.interfaces import IGate, IOutbound, IRoute, ISide, ITracker, Medium
from pipetwist.kinds.inbound_options import InboundOptions, StreamInboundOptions
from pipetwist.kinds.user_options import AskingOptions
from pipetwist.users.admission import named

__all__ = ["Entered", "Gate", "RefusedError"]

Identify: TypeAlias = Callable[[Any], ClientInfo]
"""Identifies a client by its transport, its socket or its source of datagrams."""

# At most so many different refusals are logged, or a flood of datagrams would flood the log.
_MAX_NAMED = 1000

_Client = TypeVar("_Client")


class Entered(Protocol):
    """What a gate needs of its inbound."""

    options: InboundOptions
    """Its configuration; a reload may change it."""
    context: InboundContext
    """Its context."""


@implementer(IGate)
class Gate:
    """Admits clients at an inbound. A client is given as what it is connected by: a socket, a
    transport, or the source address of datagrams.

    Args:
        inbound: the inbound.
        identify: makes the client info of a client; raises `RefusedError`, or OSError if it has
            gone meanwhile.
        medium: what clients send; None for what the inbound's kind takes.
    """

    __slots__ = (
        *("_framed", "_identify", "_inbound", "_medium", "_named", "_relay", "_share"),
        *("between", "tag"),
    )

    def __init__(self, inbound: Entered, identify: Identify, medium: Medium | None = None) -> None:
        options = inbound.options
        self._medium = medium or options.medium
        self.tag = options.tag
        self.between: Callable[[], str] | None = None
        """Names what all clients come by, as a plug-in, where their sockets' addresses are its."""
        self._inbound = inbound
        self._identify = identify
        self._relay = inbound.context.relay
        self._share = inbound.context.shares.share(options.tag)
        self._framed = isinstance(options, StreamInboundOptions) and options.framing is not None
        self._named: set[str] = set()

    def __repr__(self) -> str:
        return f"<Gate {self.tag}: room for {self.room}, {self._share}>"

    # Room. The system is not asked: how many descriptors a connection needs is known from its ends.

    @property
    def room(self) -> int:
        """How many more clients there is room for, whichever outbounds they go to."""
        return self._share.room

    def wait(self, resume: Callable[[], None]) -> None:
        """Call a function once there may be room. Until then clients are not accepted."""
        self._inbound.context.shares.wait(resume, self)
        self.tell("waits until one closes")

    def forget(self, resume: Callable[[], None]) -> None:
        """Do not call this function any more."""
        self._inbound.context.shares.forget(resume)

    def tell(self, what: str) -> None:
        """Log that there is no room.

        Args:
            what: what happens to new clients.
        """
        self._share.tell(what)

    def expect(self) -> int:
        """Keep room for a client that is not admitted yet, as during a TLS handshake.

        Returns:
            How much, to be passed to `expected`.
        """
        return self._share.enter()

    def expected(self, kept: int) -> None:
        """That client is admitted now, or has gone: keep no room for it any more."""
        self._share.entered(kept)

    # Admission, and the end of connections.

    def let_in(
        self, client: _Client, make_side: Callable[[_Client, IOutbound, ITracker | None], ISide]
    ) -> bool:
        """Admit a client, if it is allowed, and pass it to the relay.

        Args:
            client: what it is connected by.
            make_side: makes the client's side, given its outbound and its tracker. If it raises
                OSError, that is logged.

        Returns:
            Whether it was admitted. If not, the caller has to close it; the reason is logged and
            counted here.
        """
        try:
            client_info = self._identify(client)
            options = self._inbound.options
            if isinstance(options, AskingOptions) and options.users is not None:
                client_info = named(client_info, self._inbound.context.users(options))
        except RefusedError as refusal:
            self.refuse(str(refusal))
            return False
        except OSError:  # it has already gone, and can't be identified
            return False
        except Exception as error:  # noqa: BLE001 - what a client shows may be anything
            self._inbound.context.log.error(
                "inbound {tag}: a client can't be identified: {error}",
                tag=self.tag,
                error=f"{type(error).__name__}: {error}",
            )
            self._relay.rejected(self.tag, Cause.INTERNAL)
            return False
        try:
            route = self._relay.route(client_info)
        except RefusedError as rejection:
            self.refuse(str(rejection), by_limit=isinstance(rejection, LimitError))
            return False
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
        """Count a client that was lost before it could be admitted."""
        self._relay.rejected(self.tag, cause)

    def connection_closed(self, route: IRoute) -> None:
        self._share.closed(route.outbound.tag)

    def name_again(self) -> None:
        """Log and count refused sources once more: each is logged and counted once, and not for
        each of its datagrams.
        """
        self._named.clear()

    def refuse(self, text: str, *, by_limit: bool = False) -> None:
        """Log and count a client that is refused. The caller has to close it.

        Args:
            text: which client, and why.
            by_limit: whether a limit refuses it, which is logged for all whom it refuses.
        """
        if self._medium is Medium.DATAGRAMS:
            if text in self._named or len(self._named) >= _MAX_NAMED:
                return
            self._named.add(text)
        log = self._inbound.context.log
        say = log.debug if by_limit else log.warn
        say("inbound {tag}: {refusal}", tag=self.tag, refusal=text)
        self._relay.rejected(self.tag, Cause.REFUSED)
