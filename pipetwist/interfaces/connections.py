"""Interfaces of a connection, in order: accept -> route -> connect -> transfer -> close; and of
those who observe connections.
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
    from pipetwist.interfaces.processes import IProcess
    from pipetwist.interfaces.sides import ISide
    from pipetwist.kinds.inbound_options import InboundOptions
    from pipetwist.values.bind_address import BindAddress

__all__ = [
    "IClient",
    "IClientOutbound",
    "IConnectionObserver",
    "IConnectionRecord",
    "IGate",
    "IInbound",
    "IOutbound",
    "IRelay",
    "IRoute",
]


class IInbound(IService, Interface):
    """Somewhere that clients connect to.

    It listens while its service runs. `listen` and `stop_listening` may be called alternately at
    any time, by a reload too; `apply` only if `can_apply` returned True for the same options.
    """

    tag: str = Attribute("The inbound's name, unique in a configuration.")
    claims: Sequence[BindAddress] | None = Attribute(
        "The addresses that it listens on, which nobody else can use meanwhile; None if they are "
        "not known."
    )
    inherited: Sequence[object] = Attribute(
        "The inherited sockets that it listens with; empty if it opens its own."
    )
    dropped: int | None = Attribute(
        "Received datagrams that belong to no connection; None for streams."
    )

    def listen() -> Deferred[None]:
        """Start to listen. Does nothing while it listens.

        Returns:
            A Deferred that fires once connections are accepted, and fails with
            `pipetwist.errors.StartError`.
        """

    def stop_listening() -> Deferred[None]:
        """Stop accepting; open connections continue. Does nothing while it does not listen."""

    def can_apply(options: InboundOptions) -> bool:
        """Whether it can continue to listen, without interruption, with these options instead of
        its own.
        """

    def apply(options: InboundOptions) -> Callable[[], None]:
        """Apply other options, for clients that connect from now on. Files that they name are read
        again.

        Returns:
            A function that undoes it.

        Raises:
            pipetwist.errors.StartError: they can't be applied; then nothing has changed.
        """


class IGate(Interface):
    """What admits clients at an inbound."""

    def connection_closed(route: IRoute) -> None:
        """The connection of an admitted client has closed. Called once for each."""


class IRelay(Interface):
    """Where an inbound sends its connections: each is routed once, and then handled once or not at
    all.
    """

    names_clients: bool = Attribute(
        "Whether the log or the page shows who each client is, or a rule or an outbound asks. If "
        "not, inbounds need not ask the system, unless users depend on it."
    )

    def route(client_info: ClientInfo) -> IRoute:
        """Route one client: decides the outbound and what is counted.

        Args:
            client_info: what is known of the client.

        Raises:
            pipetwist.errors.RefusedError: a rule rejects the client.
        """

    def handle(route: IRoute, client: ISide, gate: IGate | None = None) -> None:
        """Connect the route's outbound, and move bytes until both sides have closed.

        Args:
            route: what `route` returned.
            client: the client's side, with reading paused.
            gate: is notified when both sides have closed; None for nobody.
        """

    def rejected(inbound: str, cause: Cause) -> None:
        """A client was rejected.

        Args:
            inbound: the inbound's tag.
            cause: why.
        """


class IRoute(Interface):
    """A connection that is routed and not handled yet."""

    client_info: ClientInfo = Attribute("What is known of the client.")
    outbound: IOutbound = Attribute("The outbound that it goes to.")
    tracker: ITracker | None = Attribute(
        "Counts the client's side; None if nothing of it is tracked."
    )


class IOutbound(Interface):
    """Where connections go to. `connect` may be called while earlier calls are not finished.

    An outbound may also have an attribute ``connect_retry``, a number of seconds or None. For that
    long `connect` is called again if it fails with `pipetwist.errors.NobodyListensError`. And an
    attribute ``half_close``; if it is False, its sides can't take an end of file while they still
    send, and the client's is held back. And, if it carries streams and datagrams, an attribute
    ``for_datagrams``, an outbound of the same tag that datagrams go to in its place; or None.
    """

    tag: str = Attribute("The outbound's name, unique in a configuration.")
    connect_timeout: float = Attribute("Seconds that `connect` may take.")
    in_kernel: bool = Attribute(
        "Whether its sides have a `ISide.carrier`, and provide `IDescriptorSide`."
    )
    max_datagram_bytes: int | None = Attribute(
        "For datagrams, the size in bytes of the largest one that its sides, which provide "
        "`IDatagramSide`, can send; None for streams."
    )

    def connect() -> ISide | Deferred[ISide]:
        """Open one connection.

        Returns:
            Its side, with reading paused, or a Deferred of it. The Deferred fails with an exception
            whose text is for people; raising the exception instead is the same. If the Deferred is
            cancelled, nothing is left open.
        """


class IClient(Interface):
    """A client that an outbound is connected for."""

    number: int = Attribute("The connection's number, as in the log.")
    client_info: ClientInfo = Attribute("What is known of the client.")
    side: ISide = Attribute(
        "Its side. The side's ``peer_socket``, where it has one, is the socket whose other end is "
        "the client's."
    )


class IClientOutbound(IOutbound):
    """An outbound that may have to know the client in order to connect."""

    connect_as: Callable[[IClient], ISide | Deferred[ISide]] | None = Attribute(
        "Called with the client in the place of `IOutbound.connect`, as which it goes on. None if "
        "nothing of the client matters: then `connect` is called."
    )


class IConnectionRecord(Interface):
    """What is known of a connection."""

    number: int = Attribute("Counts the connections from 1 since the start, as in the log.")
    client_info: ClientInfo = Attribute(
        "What is known of the client: its inbound, its user, its source."
    )
    outbound: str = Attribute("The outbound's tag.")
    uplink: int = Attribute("Bytes that were read from the client so far.")
    downlink: int = Attribute("Bytes that were written to the client so far.")
    dropped: int = Attribute("Datagrams that the two sides have dropped so far.")
    cause: Cause | None = Attribute("Why it failed; None if it did not, or not yet.")
    reason: str = Attribute("Why it has closed, for people, as in the log; empty while it is open.")
    process: IProcess | None = Attribute("Its command; None if there is none, or none yet.")


class IConnectionObserver(Interface):
    """Is called when connections open and close, in the reactor's thread. There are many, so it
    must be fast.
    """

    def opened(connection: IConnectionRecord) -> None:
        """One has opened. It is not connected to its server yet.

        Args:
            connection: what is known of it. It is the same object when it closes.
        """

    def closed(connection: IConnectionRecord, seconds: float) -> None:
        """One has closed.

        Args:
            connection: what is known of it. Nothing of it changes any more.
            seconds: from accept to the close of both sides.
        """

    def rejected(inbound: str, cause: Cause) -> None:
        """See `IRelay.rejected`."""
