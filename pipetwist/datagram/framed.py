"""A stream that carries datagrams, as a side of a datagram connection."""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipetwist.datagram.framing import MAX_FRAMED_BYTES, Deframer, frame
from pipetwist.interfaces import (
    IDatagramSide,
    IFlow,
    ILimitedSide,
    IProcess,
    ISide,
    ISideReceiver,
    ITracker,
    Medium,
)
from pipetwist.transfer.ending import (
    BEGINNING,
    CLOSE,
    CLOSE_WITH_ERROR,
    END,
    FINISH,
    LOST,
    PEER_ENDED,
)
from pipetwist.transfer.ending_side import EndingSide

__all__ = ["FrameStatistics", "FramedSide", "frame_connection"]


@implementer(ITracker)
class FrameStatistics:
    """Counts the datagrams that a stream delivers: one is counted, without the two bytes of its
    length, when the system has accepted all of it.

    It is the tracker of the stream's own side, which is made before the `FramedSide` around it.

    Args:
        tracker: counts the payload; None if nothing is counted.
    """

    def __init__(self, tracker: ITracker | None = None) -> None:
        self.tracker = tracker
        self.delivered = 0
        """Bytes of datagrams that the system has accepted."""
        self.datagrams = 0
        """How many datagrams that were."""
        self._waiting: deque[tuple[int, int]] = deque()
        self._written = 0
        self._taken = 0

    def __repr__(self) -> str:
        return f"<FrameStatistics {self.datagrams} delivered, {self.waiting} waiting>"

    @property
    def waiting(self) -> int:
        """How many were written and not accepted."""
        return len(self._waiting)

    def write(self, framed: int, payload: int) -> None:
        """A datagram will be written, as this number of bytes of the stream."""
        self._written += framed
        self._waiting.append((self._written, payload))

    def uplink(self, count: int) -> None:
        """See `ITracker`: what was read is counted when it is a complete datagram."""

    def downlink(self, count: int) -> None:
        self.reach(self._taken + count)

    def reach(self, taken: int) -> None:
        """The system has accepted this total of bytes of the stream."""
        self._taken = taken = max(self._taken, taken)
        waiting = self._waiting
        while waiting and waiting[0][0] <= taken:
            _, payload = waiting.popleft()
            self.delivered += payload
            self.datagrams += 1
            if payload and self.tracker is not None:
                self.tracker.downlink(payload)


@implementer(IDatagramSide, ILimitedSide, ISideReceiver)
class FramedSide(EndingSide):
    """Datagrams over a stream.

    Args:
        stream: the stream's side, whose tracker is the statistics.
        statistics: counts what is delivered.
        max_bytes: bytes of the largest datagram that the other side can send; a larger one is an
            error of the stream. None if it can send everything that a frame holds.
        half_closes: see `ISide`.
    """

    medium = Medium.DATAGRAMS
    carrier: object = None
    notices_loss = False

    def __init__(
        self,
        stream: ISide,
        statistics: FrameStatistics,
        max_bytes: int | None = None,
        *,
        half_closes: bool = True,
    ) -> None:
        self.half_closes = half_closes
        self.received = 0
        self.dropped = 0
        self._stream = stream
        self._statistics = statistics
        self._max_bytes = MAX_FRAMED_BYTES if max_bytes is None else max_bytes
        self._deframer = Deframer()
        self._count = 0
        self.receiver = None
        self.ending = BEGINNING
        self.reason = ""

    @property
    def process(self) -> IProcess | None:
        process: IProcess | None = getattr(self._stream, "process", None)
        return process

    @property
    def peer_socket(self) -> object:
        return getattr(self._stream, "peer_socket", None)

    @property
    def peer_tls(self) -> object:
        return getattr(self._stream, "peer_tls", None)

    @property
    def delivered(self) -> int:
        self._statistics.reach(self._stream.delivered)
        return self._statistics.delivered

    @property
    def moved(self) -> int:
        """See `ISide`: every datagram, since one may be empty."""
        self._statistics.reach(self._stream.delivered)
        return self._count + self._statistics.datagrams

    # The stream's receiver.

    def data_received(self, side: ISide, data: bytes) -> None:
        """See `ISideReceiver`: pass on each datagram that is complete."""
        for datagram in self._deframer.feed(data):
            if self.ending.closing:
                return
            size = len(datagram)
            if size > self._max_bytes:
                self._fail(f"a datagram of {size} bytes, where {self._max_bytes} can be carried")
                return
            self._count += 1
            self.received += size
            if size and self._statistics.tracker is not None:
                self._statistics.tracker.uplink(size)
            if self.receiver is not None:
                self.receiver.data_received(self, datagram)

    def read_ended(self, side: ISide) -> None:
        """See `ISideReceiver`; an end inside a datagram is an error."""
        if self._deframer.inside and not self.ending.closing:
            self._fail("the stream ended inside a datagram")
        elif self.hear(PEER_ENDED).tells_end and self.receiver is not None:
            self.receiver.read_ended(self)

    def pause_writing(self, side: ISide) -> None:
        if self.receiver is not None:
            self.receiver.pause_writing(self)

    def resume_writing(self, side: ISide) -> None:
        if self.receiver is not None:
            self.receiver.resume_writing(self)

    def peer_closed(self, side: ISide) -> None:
        if self.receiver is not None:
            self.receiver.peer_closed(self)

    def lost(self, side: ISide, reason: str, *, whole: bool = False) -> None:
        self.hear(LOST)
        self._statistics.reach(self._stream.delivered)
        self.dropped += self._statistics.waiting
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.lost(self, self.reason or reason, whole=whole and not self.reason)

    # ISide.

    def attach(self, receiver: ISideReceiver) -> None:
        self.receiver = receiver
        self._stream.attach(self)

    def write(self, data: bytes) -> None:
        """See `IDatagramSide`; a datagram that is too large for a frame is an error of the
        stream.
        """
        if not self.ending.writable:
            self.dropped += 1
            return
        if len(data) > MAX_FRAMED_BYTES:
            self.dropped += 1
            self._fail(f"a datagram of {len(data)} bytes, where a frame holds {MAX_FRAMED_BYTES}")
            return
        framed = frame(data)
        self._statistics.reach(self._stream.delivered)
        self._statistics.write(len(framed), len(data))
        self._stream.write(framed)

    def limit(self, flow: IFlow | None, *, since_start: bool, paused: bool = False) -> None:
        """See `ILimitedSide`: the stream is limited."""
        # The sides of other programs need not have it.
        limit = getattr(self._stream, "limit", None)
        if limit is not None:
            limit(flow, since_start=since_start, paused=paused)

    def pause_reading(self) -> None:
        self._stream.pause_reading()

    def resume_reading(self) -> None:
        self._stream.resume_reading()

    def write_eof(self) -> None:
        self.hear(FINISH)
        self._stream.write_eof()

    def close(self) -> None:
        self.hear(CLOSE)
        self._stream.close()

    def disconnect(self) -> None:
        self.hear(CLOSE)
        self._stream.disconnect()

    def close_with_error(self) -> None:
        self.hear(CLOSE_WITH_ERROR)
        self._stream.close_with_error()

    def abort(self) -> None:
        self.hear(END)
        self._stream.abort()

    def _fail(self, reason: str) -> None:
        self.reason = reason
        self.abort()

    @property
    def descriptor_text(self) -> str:
        """See `EndingSide`: the stream, which carries out each step."""
        return f"on {self._stream!r}"


def frame_connection(
    connecting: ISide | Deferred[ISide], *, half_closes: bool = False
) -> ISide | Deferred[ISide]:
    """Make a datagram side of an outbound's stream.

    Args:
        connecting: its side, or a Deferred of it.
        half_closes: see `ISide`; a server that ends its direction is about to close, like a server
            of DNS over TCP that gets no requests.
    """
    if isinstance(connecting, Deferred):
        return connecting.addCallback(
            lambda stream: FramedSide(stream, FrameStatistics(), half_closes=half_closes)
        )
    side: ISide = FramedSide(connecting, FrameStatistics(), half_closes=half_closes)
    return side
