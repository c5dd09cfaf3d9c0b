"""Interfaces of a connection's sides. Every side provides `ISide`; the interfaces that it is made
of are for code that needs only a part of it.

A side has four states. What may be called in each, and what it does there::

    | state | from | write, write_eof | pause_reading, resume_reading | close, disconnect, close_with_error, abort |
    |---|---|---|---|---|
    | new | the beginning | not yet | not yet | yes: nobody is notified |
    | open | attach | yes; after write_eof no write any more | yes | yes |
    | ending | close, disconnect or close_with_error | does nothing | does nothing | abort ends it now; the others do nothing |
    | closed | `ISideReceiver.lost` | does nothing | does nothing | does nothing |

`attach` is called first, and once. If the side has already closed by itself, `attach` reports that
immediately. The figures can be read at any time.
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
    """Figures of what has passed a side. They stay readable after it has closed."""

    received: int = Attribute("Bytes read from this side so far.")
    delivered: int = Attribute("Bytes that the system has accepted for this side so far.")
    moved: int = Attribute(
        "Grows with everything that passes here. A connection on which it does not grow for too "
        "long is closed."
    )
    dropped: int = Attribute(
        "Datagrams dropped so far, because of full buffers or an unreachable peer; 0 for a stream."
    )


class IReadingHalf(Interface):
    """Reading from a side. Reading is paused at first."""

    def pause_reading() -> None:
        """Stop reading until `resume_reading`. The receiver has already got what was read before
        this call; it gets nothing after it. From this call on, a side that can notice that its peer
        has gone does so, even if it was paused before.
        """

    def resume_reading() -> None:
        """Continue reading. Does nothing after the end of file."""


class IWritingHalf(Interface):
    """Writing to a side. What is written is delivered in order; what the system does not accept yet
    is buffered.
    """

    def write(data: bytes) -> None:
        """Deliver these bytes, after those written before."""

    def write_eof() -> None:
        """Deliver what was written, then an end of file; reading continues. Nothing may be written
        afterwards. A second call does nothing.
        """


class ISideEnding(Interface):
    """Ending a side. The first of these calls decides how it ends; only `abort` may follow
    another.
    """

    def close() -> None:
        """Deliver what was written, then close both directions in an orderly way."""

    def disconnect() -> None:
        """The other side has gone: deliver what was written, then close, without waiting for what
        the peer still sends.
        """

    def close_with_error() -> None:
        """The other side was cut off: deliver what was written, then close in such a way that the
        peer can't take what it got for complete.

        Over TCP that is a reset, over TLS a reset without a close_notify. A unix socket has no
        reset and is just closed; a command is ended as by `disconnect`.
        """

    def abort() -> None:
        """Close now, and drop what is not delivered yet: over TCP with a reset, over TLS without a
        close_notify.
        """


class ISide(ISideFigures, IReadingHalf, IWritingHalf, ISideEnding):
    """One side of a connection: the client's or the outbound's."""

    notices_loss: bool = Attribute(
        "Whether the death of its peer is always noticed, even if nothing is sent."
    )
    process: IProcess | None = Attribute("The command, if this side is one; None otherwise.")
    medium: Medium = Attribute("Streams or datagrams; the same for both sides of a connection.")
    carrier: object | None = Attribute(
        "What moves its bytes. Two sides with the same carrier provide `IDescriptorSide`; None for "
        "a side that can't move bytes by itself."
    )
    half_closes: bool = Attribute(
        "Whether one direction may end alone. If neither side can do that, both directions end "
        "together."
    )

    def attach(receiver: ISideReceiver) -> None:
        """Set the receiver of this side's events. It gets what happened before immediately."""


class IDatagramSide(ISide):
    """A side of a datagram connection: each call of `write`, and of its receiver's `data_received`,
    is one datagram, which may be empty.

    Its `medium` is ``DATAGRAMS``. Its figures of bytes count payload only.
    """


class IDescriptorSide(ISide):
    """A side that is a kernel descriptor, and can move bytes to another side with the same
    `carrier` by itself.
    """

    def carry_to(sink: IDescriptorSide) -> None:
        """From now on move what is read to this other side, past the receiver. The receiver still
        gets ends and losses.

        Called once, after `attach`, while reading is paused, and on both sides of a connection or
        on neither.

        Args:
            sink: a side with the same carrier.
        """


class ISideReceiver(Interface):
    """Receives the events of sides. It may have several, so each call says which side.

    `data_received` is called only between `IReadingHalf.resume_reading` and the next
    `IReadingHalf.pause_reading`, and neither after `read_ended` nor once the side is ending.
    `read_ended` is called at most once, after all data. `pause_writing` and `resume_writing`
    alternate. Nothing is called after `lost`. Any of these calls may be made within a call of the
    side's own methods.
    """

    def data_received(side: ISide, data: bytes) -> None:
        """Bytes were read."""

    def read_ended(side: ISide) -> None:
        """The peer will send nothing more; it may still receive."""

    def pause_writing(side: ISide) -> None:
        """The buffer of this side is full: write no more for now."""

    def resume_writing(side: ISide) -> None:
        """The buffer of this side is empty again."""

    def peer_closed(side: ISide) -> None:
        """The peer has closed both directions. What it sent may still be unread."""

    def lost(side: ISide, reason: str, *, whole: bool = False) -> None:
        """The side has closed, both ways. Called exactly once, and last.

        Args:
            side: the side.
            reason: why, for people; empty if it closed in order.
            whole: whether everything that it had to send was read in spite of the reason, as from a
                command that exited by itself with a bad status. If not, the other end must not take
                what it got for complete.
        """
