"""A side whose peer is the test, and a receiver that records events."""

from __future__ import annotations

from zope.interface import implementer

from pipetwist.interfaces import (
    AnySideReceiver,
    IProcess,
    ISide,
    ISideReceiver,
    Medium,
    SideReceiverLike,
)
from pipetwist.transfer.ending import (
    BEGINNING,
    CLOSE,
    CLOSE_WITH_ERROR,
    DRAINED,
    END,
    FINISH,
    LOST,
    PEER_ENDED,
    Ending,
    Event,
)
from pipetwist.transfer.ending_side import EndingSide

__all__ = ["FakeSide", "RecordingReceiver"]


@implementer(ISide)
class FakeSide(EndingSide):
    """A side whose peer is the test. It ends as every side does.

    Args:
        lingers: whether it waits for `lose` after `close`, `disconnect`, `close_with_error` and
            `abort`, instead of being lost immediately.
    """

    dropped = 0
    process: IProcess | None = None
    medium = Medium.STREAM
    carrier: object = None
    half_closes = True
    notices_loss = False

    def __init__(self, *, lingers: bool = False) -> None:
        self.received = 0
        self.delivered = 0
        self.written = b""
        """What was written to it, delivered or not."""
        self.asked: list[str] = []
        """The names of the methods of `ISide` that were called, in order, except `attach` and
        `write`.
        """
        self.reading = False
        self.receiver: AnySideReceiver = None
        self.ending: Ending = BEGINNING
        self.reason = ""
        self._lingers = lingers
        self._unread: list[bytes] = []
        self._ended = self._gone = self._stalled = self._whole = False

    @property
    def moved(self) -> int:
        return self.delivered

    @property
    def over(self) -> bool:
        """Whether it has ended, both ways."""
        return self.ending.over

    @property
    def held(self) -> bool:
        return not self.reading

    # For the test.

    def deliver(self, data: bytes) -> None:
        """The peer sends; it is read as soon as reading is not paused."""
        if self._ended:
            message = "the peer has ended; it can't send any more"
            raise RuntimeError(message)
        self._unread.append(data)
        self._read()

    def end(self) -> None:
        """The peer half-closes, which is read after what it has sent."""
        self._ended = True
        self._read()

    def stall(self) -> None:
        """The peer reads no more: what is written is buffered, without an event."""
        self._stalled = True

    def fill(self) -> None:
        """The peer reads no more, and the side's buffer is full."""
        self.stall()
        if self.receiver is not None:
            self.receiver.pause_writing(self)

    def drain(self) -> None:
        """The peer reads everything."""
        self._stalled = False
        self.delivered = len(self.written)
        closing = self.ending.closing
        self._go_on(DRAINED)
        if self.receiver is not None and not closing:
            self.receiver.resume_writing(self)

    def go(self) -> None:
        """The peer closes both directions; what it sent before may still be unread."""
        self._gone = True
        if self.receiver is not None and not self.ending.closing:
            self.receiver.peer_closed(self)

    def lose(self, reason: str = "", *, whole: bool = False) -> None:
        """The side has closed, both ways."""
        if not self.over:
            self.hear(LOST)
            self.reason = reason
            self._whole = whole
            if self.receiver is not None:
                self.receiver.lost(self, reason, whole=whole)

    # ISide.

    def attach(self, receiver: SideReceiverLike) -> None:
        self.receiver = receiver
        if self.over:
            receiver.lost(self, self.reason, whole=self._whole)
        elif self._gone:
            receiver.peer_closed(self)

    def write(self, data: bytes) -> None:
        """See `ISide`.

        Raises:
            RuntimeError: nothing may be written any more.
        """
        if self.over:
            return
        if not self.ending.writable:
            message = "written to a side after write_eof"
            raise RuntimeError(message)
        self.written += data
        if not self._stalled:
            self.delivered = len(self.written)

    def pause_reading(self) -> None:
        self.asked.append("pause_reading")
        self.reading = False

    def resume_reading(self) -> None:
        self.asked.append("resume_reading")
        self.reading = True
        self._read()

    def write_eof(self) -> None:
        self.asked.append("write_eof")
        self._go_on(FINISH)

    def close(self) -> None:
        self.asked.append("close")
        self._go_on(CLOSE)

    def disconnect(self) -> None:
        self.asked.append("disconnect")
        self._go_on(CLOSE)

    def close_with_error(self) -> None:
        self.asked.append("close_with_error")
        self._go_on(CLOSE_WITH_ERROR)

    def abort(self) -> None:
        self.asked.append("abort")
        self._go_on(END)

    def _go_on(self, event: Event) -> None:
        self.hear(event)
        if not self._stalled:
            self.hear(DRAINED)
        if self.ending.closing and not self.ending.delivers and not self._lingers:
            self.lose()

    def _read(self) -> None:
        while self._unread and self._is_read:
            data = self._unread.pop(0)
            self.received += len(data)
            self.receiver.data_received(self, data)
        if self._ended and not self._unread and self._is_read and self.hear(PEER_ENDED).tells_end:
            self.receiver.read_ended(self)

    @property
    def _is_read(self) -> bool:
        return self.receiver is not None and self.reading and not self.ending.closing


@implementer(ISideReceiver)
class RecordingReceiver:
    """Records the events of a side."""

    def __init__(self) -> None:
        self.data = b""
        self.heard: list[str] = []
        """The names of the methods of `ISideReceiver` that were called, in order, except
        `data_received`.
        """
        self.reason: str | None = None
        """Why the side was lost; None until then."""
        self.whole = False
        """Whether what it had sent was complete in spite of that."""

    def data_received(self, side: object, data: bytes) -> None:
        self.data += data

    def read_ended(self, side: object) -> None:
        self.heard.append("read_ended")

    def pause_writing(self, side: object) -> None:
        self.heard.append("pause_writing")

    def resume_writing(self, side: object) -> None:
        self.heard.append("resume_writing")

    def peer_closed(self, side: object) -> None:
        self.heard.append("peer_closed")

    def lost(self, side: object, reason: str, *, whole: bool = False) -> None:
        self.heard.append("lost")
        self.reason = reason
        self.whole = whole
