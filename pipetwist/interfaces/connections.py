"""Interfaces of a connection, in the order of its way: accept -> route -> connect -> transfer -> close, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from pipetwist.connection.cause import Cause
    from pipetwist.connection.end import End
    from pipetwist.connection.medium import Medium
    from pipetwist.connection.visitor import Visitor
    from pipetwist.interfaces.commands import ICommand
    from pipetwist.interfaces.counting import ITracker
    from pipetwist.kinds.inbound_options import InboundOptions

__all__ = [
    "IConnectionEffects",
    "IConnectionObserver",
    "IDatagramSide",
    "IDescriptorSide",
    "IGate",
    "IInbound",
    "IOutbound",
    "IPassage",
    "IRelay",
    "ISide",
    "ISideReceiver",
]


class IInbound(Interface):
    """Somewhere that clients connect to. Every inbound is also an IService."""

    tag: str = Attribute("The inbound's name, unique in a configuration.")

    def listen() -> Deferred[None]:
        """Start to listen; calling it again while listening does nothing.

        Returns:
            A Deferred that fires once connections are accepted, and fails with `pipetwist.errors.StartError`.
        """

    def stop_listening() -> Deferred[None]:
        """Accept nothing more; connections that are open go on."""

    def goes_on_with(options: InboundOptions) -> bool:
        """Whether it can listen on, without a moment's rest, with these options in the place of its own."""

    def change(options: InboundOptions) -> Callable[[], None]:
        """Take other options, with which it goes on, for who comes from now on. Files that they name are read again.

        Returns:
            What takes it back.

        Raises:
            pipetwist.errors.StartError: they can't be had; then nothing has changed.
        """


class IGate(Interface):
    """What clients come in by."""

    def left(passage: IPassage) -> None:
        """The connection of a client that was let in is over. Comes once for each."""


class IRelay(Interface):
    """What an inbound hands its connections to."""

    names_clients: bool = Attribute("Whether it is told or shown who each client is, so that this is asked where no user depends on it.")

    def admit(visitor: Visitor) -> IPassage:
        """Route one visitor: decides the outbound and what is counted.

        Args:
            visitor: who came, and where.
        """

    def carry(passage: IPassage, client: ISide, gate: IGate | None = None) -> None:
        """Connect the passage's outbound and carry bytes until both sides have ended.

        Args:
            passage: what `admit` returned.
            client: the client's side, its reading paused.
            gate: is told when both sides have ended; None for nobody.
        """

    def turned_away(inbound: str, cause: Cause) -> None:
        """Somebody who came did not get in.

        Args:
            inbound: the tag of where it was.
            cause: why not.
        """


class IPassage(Interface):
    """A routed connection that is not carried yet."""

    visitor: Visitor = Attribute("Who came.")
    outbound: IOutbound = Attribute("Where it goes.")
    tracker: ITracker | None = Attribute("Counts the client's side; None where nothing about it is tracked.")


class IOutbound(Interface):
    """Somewhere that connections are carried to."""

    tag: str = Attribute("The outbound's name, unique in a configuration.")
    connect_timeout: float = Attribute("Seconds that `connect` may take.")
    in_kernel: bool = Attribute("Whether its sides provide `IDescriptorSide`.")
    largest_datagram: int | None = Attribute("Bytes of the largest that its sides, which provide `IDatagramSide`, carry; None for streams.")

    def connect() -> ISide | Deferred[ISide]:
        """Open one connection.

        Returns:
            Its side, reading paused, or a Deferred of it, which may be cancelled and fails with an exception whose text is for people.
        """


class ISide(Interface):
    """One side of a connection: the client's or the outbound's.

    A side begins with its reading paused. What is written is delivered in order; a side holds what the system does not take, and says so
    with `ISideReceiver.crowded` until it is gone.
    """

    received: int = Attribute("Bytes read from this side so far.")
    delivered: int = Attribute("Bytes that the system has taken for this side so far.")
    moved: int = Attribute("Grows with everything that passes here: what stands still for too long is ended.")
    dropped: int = Attribute("Datagrams dropped so far, for want of room or of a way; of a stream nothing ever is.")
    notices_loss: bool = Attribute("Whether the death of its peer is always noticed, however silent both are.")
    command: ICommand | None = Attribute("The command that it is; None where it is none.")
    medium: Medium = Attribute("What it carries; a connection's two sides carry the same.")
    carrier: object | None = Attribute(
        "What moves its bytes. Two sides of the very same carrier provide `IDescriptorSide`; None for a side that moves nothing by itself."
    )
    half_closes: bool = Attribute("Whether one direction may end alone; where that is so of neither side, both end together.")

    def attach(receiver: ISideReceiver) -> None:
        """Name who hears of what happens here; what happened before is told at once."""

    def write(data: bytes) -> None:
        """Deliver these bytes after those written before."""

    def pause_reading() -> None:
        """Read nothing more until `resume_reading`."""

    def resume_reading() -> None:
        """Read on. Does nothing once this side's reading has ended."""

    def finish_writing() -> None:
        """Deliver what was written, then an end of file; reading goes on. Nothing may be written afterwards."""

    def close() -> None:
        """Deliver what was written, then end both directions in an orderly way."""

    def hang_up() -> None:
        """The other side has gone: deliver what was written, then end this one without waiting for what it would still say."""

    def break_off() -> None:
        """The other side was cut off: deliver what was written, then end such that the peer can't take what it got for whole.

        Over TCP that is a reset, over TLS a reset without a close_notify. A unix socket knows nothing of the kind and is closed; a command
        is ended as by `hang_up`.
        """

    def abort() -> None:
        """End now, whatever is undelivered: over TCP with a reset, over TLS without a close_notify."""


class IDatagramSide(ISide):
    """A side of a packet connection: what is written to it and what its receiver hears of is one datagram each, which may be empty.

    Its `medium` is ``DATAGRAMS``, and its figures of bytes are payload alone.
    """


class IDescriptorSide(ISide):
    """A side that is a kernel descriptor, and can move bytes to another of its `carrier` by itself."""

    def carry_to(sink: IDescriptorSide) -> None:
        """From now on move what is read to this other side, past the receiver; ends and losses are told as ever.

        Args:
            sink: a side of the very same carrier.
        """


class ISideReceiver(Interface):
    """Who hears of what happens on a side: of several, so that each call says on which."""

    def data_received(side: ISide, data: bytes) -> None:
        """Bytes were read."""

    def read_ended(side: ISide) -> None:
        """The side will send nothing more; it may still receive."""

    def crowded(side: ISide) -> None:
        """More waits to be delivered to this side than it wants to hold."""

    def relieved(side: ISide) -> None:
        """Everything that waited has been delivered."""

    def hung_up(side: ISide) -> None:
        """The peer has gone entirely, though what it sent may still be unread."""

    def lost(side: ISide, cause: str, *, whole: bool = False) -> None:
        """The side is over, both ways. Comes exactly once and last.

        Args:
            side: which.
            cause: for people; empty where it ended in order.
            whole: whether everything that it had to send was read in spite of the cause, as of a command that ended by itself with a bad
                exit status. The peer of another side that was lost for a cause is not to take what it got for whole.
        """


class IConnectionEffects(Interface):
    """What the state machine of a connection has done for it."""

    def cancel_connecting() -> None:
        """Give up connecting the outbound."""

    def start_transfer() -> None:
        """Move bytes in both directions."""

    def finish_writing(end: End) -> None:
        """See `ISide.finish_writing`."""

    def close(end: End) -> None:
        """See `ISide.close`."""

    def hang_up(end: End) -> None:
        """See `ISide.hang_up`."""

    def break_off(end: End) -> None:
        """See `ISide.break_off`."""

    def abort(end: End) -> None:
        """See `ISide.abort`."""

    def watch(seconds: float | None) -> None:
        """From now on say when no byte has moved for so long; None to stop watching."""

    def finished(reason: str) -> None:
        """The connection is over. Comes exactly once and last."""


class IConnectionObserver(Interface):
    """Is told of connections as they begin and end, in the reactor's thread. They are many: it has to be quick."""

    def opened(inbound: str, outbound: str) -> None:
        """One begins, between an inbound and an outbound of these tags."""

    def closed(inbound: str, outbound: str, seconds: float, cause: Cause | None, dropped: int) -> None:
        """One is over.

        Args:
            inbound: the inbound's tag.
            outbound: the outbound's tag.
            seconds: from the accept to the end of both sides.
            cause: what came in its way; None where it went well.
            dropped: datagrams that either side has dropped.
        """

    def turned_away(inbound: str, cause: Cause) -> None:
        """See `IRelay`."""
