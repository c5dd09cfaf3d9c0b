"""A side whose peer is the test, and a receiver that keeps what it hears."""

from __future__ import annotations

from zope.interface import implementer

from pipetwist.interfaces import IProcess, ISide, ISideReceiver, Medium, SideReceiverLike

__all__ = ["FakeSide", "RecordingReceiver"]


@implementer(ISide)
class FakeSide:
    """A side whose peer is the test.

    Args:
        lingers: whether it waits for `lose` after `close`, `disconnect`, `close_with_error` and
            `abort`, instead of being lost at once.
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
        self.over = False
        self._lingers = lingers
        self._receiver: SideReceiverLike | None = None
        self._unread: list[bytes] = []
        self._ended = self._end_told = False
        self._gone = False
        self._finished = self._closing = self._stalled = False
        self._reason = ""
        self._whole = False

    @property
    def moved(self) -> int:
        return self.delivered

    # What the test does.

    def deliver(self, data: bytes) -> None:
        """The peer sends; it is read as soon as reading goes on."""
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
        """The peer takes no more: what is written waits, and nobody is told."""
        self._stalled = True

    def fill(self) -> None:
        """The peer takes no more, and more waits for it than the side wants to hold."""
        self.stall()
        if self._receiver is not None:
            self._receiver.pause_writing(self)

    def drain(self) -> None:
        """The peer takes everything."""
        self._stalled = False
        self.delivered = len(self.written)
        if self._closing:
            self._lose_if_closing()
        elif self._receiver is not None:
            self._receiver.resume_writing(self)

    def go(self) -> None:
        """The peer goes entirely; what it sent before may still be unread."""
        self._gone = True
        if self._receiver is not None and not self._closing:
            self._receiver.peer_closed(self)

    def lose(self, reason: str = "", *, whole: bool = False) -> None:
        """The side is over, both ways."""
        if not self.over:
            self.over = True
            self._reason = reason
            self._whole = whole
            if self._receiver is not None:
                self._receiver.lost(self, reason, whole=whole)

    # ISide.

    def attach(self, receiver: SideReceiverLike) -> None:
        self._receiver = receiver
        if self.over:
            receiver.lost(self, self._reason, whole=self._whole)
        elif self._gone:
            receiver.peer_closed(self)

    def write(self, data: bytes) -> None:
        """See `ISide`.

        Raises:
            RuntimeError: nothing may be written any more.
        """
        if self._finished and not self.over:
            message = "written to a side after write_eof"
            raise RuntimeError(message)
        if not self.over:
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
        self._finished = True

    def close(self) -> None:
        self.asked.append("close")
        self._finished = self._closing = True
        self._lose_if_closing()

    def disconnect(self) -> None:
        self.asked.append("disconnect")
        self._finished = self._closing = True
        self._lose_if_closing()

    def close_with_error(self) -> None:
        self.asked.append("close_with_error")
        self._finished = self._closing = True
        self._lose_if_closing()

    def abort(self) -> None:
        self.asked.append("abort")
        self._finished = self._closing = True
        self._stalled = False
        self._lose_if_closing()

    def _lose_if_closing(self) -> None:
        if self._closing and not self._stalled and not self._lingers:
            self.lose()

    def _read(self) -> None:
        while (
            self._receiver is not None
            and self.reading
            and not self._closing
            and not self.over
            and self._unread
        ):
            data = self._unread.pop(0)
            self.received += len(data)
            self._receiver.data_received(self, data)
        if self._receiver is None or not self.reading or self._closing or self.over or self._unread:
            return
        if self._ended and not self._end_told:
            self._end_told = True
            self._receiver.read_ended(self)


@implementer(ISideReceiver)
class RecordingReceiver:
    """Keeps what it hears of a side."""

    def __init__(self) -> None:
        self.data = b""
        self.heard: list[str] = []
        """The names of the methods of `ISideReceiver` that were called, in order, except
        `data_received`.
        """
        self.reason: str | None = None
        """Why the side was lost; None while it is not."""
        self.whole = False
        """Whether what it had sent was whole in spite of that."""

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
