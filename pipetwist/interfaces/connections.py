"""Interfaces of a connection, in the order of its way: accept -> route -> connect -> transfer ->
close, and who is told of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from pipetwist.connection.cause import Cause
    from pipetwist.connection.client_info import ClientInfo
    from pipetwist.interfaces.counting import ITracker
    from pipetwist.interfaces.sides import ISide
    from pipetwist.kinds.inbound_options import InboundOptions
    from pipetwist.values.bind_address import BindAddress

__all__ = [
    "IConnectionObserver",
    "IGate",
    "IInbound",
    "IOutbound",
    "IRelay",
    "IRoute",
]


class IInbound(IService, Interface):
    """Somewhere that clients connect to.

    A service that is started listens. `listen` and `stop_listening` may be called in turns at any
    time, by a reload too; `apply` only where `can_apply` said yes to the same options.
    """

    tag: str = Attribute("The inbound's name, unique in a configuration.")
    claims: Sequence[BindAddress] | None = Attribute(
        "Where it listens, and nobody else can meanwhile; None where that is not known."
    )
    inherited: Sequence[object] = Attribute(
        "What it listens with, where that are sockets that were handed in; empty where they "
        "are its own."
    )
    dropped: int | None = Attribute(
        "Datagrams that came and belong to no connection; None where streams come in."
    )

    def listen() -> Deferred[None]:
        """Start to listen; calling it again while listening does nothing.

        Returns:
            A Deferred that fires once connections are accepted, and fails with
            `pipetwist.errors.StartError`.
        """

    def stop_listening() -> Deferred[None]:
        """Accept nothing more; connections that are open go on. Does nothing while it does not
        listen.
        """

    def can_apply(options: InboundOptions) -> bool:
        """Whether it can listen on, without a moment's rest, with these options in the place of its
        own.
        """

    def apply(options: InboundOptions) -> Callable[[], None]:
        """Take other options, with which it goes on, for who comes from now on. Files that they
        name are read again.

        Returns:
            What takes it back.

        Raises:
            pipetwist.errors.StartError: they can't be had; then nothing has changed.
        """


class IGate(Interface):
    """What clients come in by."""

    def connection_closed(route: IRoute) -> None:
        """The connection of a client that was let in is over. Comes once for each."""


class IRelay(Interface):
    """What an inbound hands its connections to: each is routed once, and then handled once or not
    at all.
    """

    names_clients: bool = Attribute(
        "Whether it is told or shown who each client is, so that this is asked where no user "
        "depends on it."
    )

    def route(client_info: ClientInfo) -> IRoute:
        """Route one client: decides the outbound and what is counted.

        Args:
            client_info: who came, and where.
        """

    def handle(route: IRoute, client: ISide, gate: IGate | None = None) -> None:
        """Connect the route's outbound and carry bytes until both sides have ended.

        Args:
            route: what `route` returned.
            client: the client's side, its reading paused.
            gate: is told when both sides have ended; None for nobody.
        """

    def rejected(inbound: str, cause: Cause) -> None:
        """Somebody who came did not get in.

        Args:
            inbound: the tag of where it was.
            cause: why not.
        """


class IRoute(Interface):
    """A routed connection that is not carried yet."""

    client_info: ClientInfo = Attribute("Who came.")
    outbound: IOutbound = Attribute("Where it goes.")
    tracker: ITracker | None = Attribute(
        "Counts the client's side; None where nothing about it is tracked."
    )


class IOutbound(Interface):
    """Somewhere that connections are carried to. It may be asked to `connect` while others still
    connect.
    """

    tag: str = Attribute("The outbound's name, unique in a configuration.")
    connect_timeout: float = Attribute("Seconds that `connect` may take.")
    in_kernel: bool = Attribute(
        "Whether its sides have a `ISide.carrier`, and provide `IDescriptorSide`."
    )
    max_datagram_bytes: int | None = Attribute(
        "Bytes of the largest that its sides, which provide `IDatagramSide`, carry; None for "
        "streams."
    )

    def connect() -> ISide | Deferred[ISide]:
        """Open one connection.

        Returns:
            Its side, reading paused, or a Deferred of it, which fails with an exception whose text
            is for people. It may be cancelled, and then nothing is left open. What is raised
            instead counts as such a failure.
        """


class IConnectionObserver(Interface):
    """Is told of connections as they begin and end, in the reactor's thread. They are many: it has
    to be quick.
    """

    def opened(inbound: str, outbound: str) -> None:
        """One begins, between an inbound and an outbound of these tags."""

    def closed(
        inbound: str, outbound: str, seconds: float, cause: Cause | None, dropped: int
    ) -> None:
        """One is over.

        Args:
            inbound: the inbound's tag.
            outbound: the outbound's tag.
            seconds: from the accept to the end of both sides.
            cause: what came in its way; None where it went well.
            dropped: datagrams that either side has dropped.
        """

    def rejected(inbound: str, cause: Cause) -> None:
        """See `IRelay.rejected`."""
