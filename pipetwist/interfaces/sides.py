"""Interfaces of a connection's sides. `ISide` is what every side provides; its parts are for who
has to do with no more of it.

A side goes through four states. What may be called in each, and what it does there::

    | state | from | write, write_eof | pause_reading, resume_reading | close, disconnect, close_with_error, abort |
    |---|---|---|---|---|
    | new | the beginning | not yet | not yet | yes: nobody is told |
    | open | attach | yes; after write_eof no write any more | yes | yes |
    | ending | close, disconnect or close_with_error | does nothing | does nothing | abort ends it now; the others do nothing |
    | over | `ISideReceiver.lost` | does nothing | does nothing | does nothing |

`attach` comes first and once. It may come after the side is over by itself, and tells at once. The
figures can be read at any time.
"""  # noqa: E501  # another language's text

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from pipetwist.connection.medium import Medium
    from pipetwist.interfaces.processes import IProcess

__all__ = [
    "IDatagramSide",
    "IDescriptorSide",
    "IReadingHalf",
    "ISide",
    "ISideEnding",
    "ISideFigures",
    "ISideReceiver",
    "IWritingHalf",
]


class ISideFigures(Interface):
    """What has passed a side. It stays when the side is over."""

    received: int = Attribute("Bytes read from this side so far.")
    delivered: int = Attribute("Bytes that the system has taken for this side so far.")
    moved: int = Attribute(
        "Grows with everything that passes here: what stands still for too long is ended."
    )
    dropped: int = Attribute(
        "Datagrams dropped so far, for want of room or of a way; of a stream nothing ever is."
    )


class IReadingHalf(Interface):
    """How a side is read. It begins paused."""

    def pause_reading() -> None:
        """Read nothing more until `resume_reading`. What was read before this call has been handed
        on; nothing comes after it.
        """

    def resume_reading() -> None:
        """Read on. Does nothing once this side's reading has ended."""


class IWritingHalf(Interface):
    """How a side is written to. What is written is delivered in order; what the system does not
    take is held.
    """

    def write(data: bytes) -> None:
        """Deliver these bytes after those written before."""

    def write_eof() -> None:
        """Deliver what was written, then an end of file; reading goes on. Nothing may be written
        afterwards; a second call does nothing.
        """


class ISideEnding(Interface):
    """How a side is ended. The first of these calls decides how, but for `abort`, which may follow
    any other.
    """

    def close() -> None:
        """Deliver what was written, then end both directions in an orderly way."""

    def disconnect() -> None:
        """The other side has gone: deliver what was written, then end this one without waiting for
        what it would still say.
        """

    def close_with_error() -> None:
        """The other side was cut off: deliver what was written, then end such that the peer can't
        take what it got for whole.

        Over TCP that is a reset, over TLS a reset without a close_notify. A unix socket knows
        nothing of the kind and is closed; a command is ended as by `disconnect`.
        """

    def abort() -> None:
        """End now, whatever is undelivered: over TCP with a reset, over TLS without a
        close_notify.
        """


class ISide(ISideFigures, IReadingHalf, IWritingHalf, ISideEnding):
    """One side of a connection: the client's or the outbound's."""

    notices_loss: bool = Attribute(
        "Whether the death of its peer is always noticed, however silent both are."
    )
    process: IProcess | None = Attribute("The command that it is; None where it is none.")
    medium: Medium = Attribute("What it carries; a connection's two sides carry the same.")
    carrier: object | None = Attribute(
        "What moves its bytes. Two sides of the very same carrier provide `IDescriptorSide`; "
        "None for a side that moves nothing by itself."
    )
    half_closes: bool = Attribute(
        "Whether one direction may end alone; where that is so of neither side, both end together."
    )

    def attach(receiver: ISideReceiver) -> None:
        """Name who hears of what happens here; what happened before is told at once."""


class IDatagramSide(ISide):
    """A side of a datagram connection: what is written to it and what its receiver hears of is one
    datagram each, which may be empty.

    Its `medium` is ``DATAGRAMS``, and its figures of bytes are payload alone.
    """


class IDescriptorSide(ISide):
    """A side that is a kernel descriptor, and can move bytes to another of its `carrier` by
    itself.
    """

    def carry_to(sink: IDescriptorSide) -> None:
        """From now on move what is read to this other side, past the receiver; ends and losses are
        told as ever.

        Called once, after `attach`, while reading is paused, and of both sides of a connection or
        of neither.

        Args:
            sink: a side of the very same carrier.
        """


class ISideReceiver(Interface):
    """Who hears of what happens on a side: of several, so that each call says on which.

    `data_received` comes between `IReadingHalf.resume_reading` and the next
    `IReadingHalf.pause_reading` only, and not after `read_ended`, nor once the side is ending.
    `read_ended` comes once at most, after all data. `pause_writing` and `resume_writing` come in
    turns. After `lost` nothing comes. Any of these calls may be made within a call of the side's
    own methods.
    """

    def data_received(side: ISide, data: bytes) -> None:
        """Bytes were read."""

    def read_ended(side: ISide) -> None:
        """The side will send nothing more; it may still receive."""

    def pause_writing(side: ISide) -> None:
        """More waits to be delivered to this side than it wants to hold."""

    def resume_writing(side: ISide) -> None:
        """Everything that waited has been delivered."""

    def peer_closed(side: ISide) -> None:
        """The peer has gone entirely, though what it sent may still be unread."""

    def lost(side: ISide, reason: str, *, whole: bool = False) -> None:
        """The side is over, both ways. Comes exactly once and last.

        Args:
            side: which.
            reason: for people; empty where it ended in order.
            whole: whether everything that it had to send was read in spite of the cause, as of a
                command that ended by itself with a bad exit status. The peer of another side that
                was lost for a cause is not to take what it got for whole.
        """
