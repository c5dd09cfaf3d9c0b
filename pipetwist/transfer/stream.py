"""A side of a connection that is a Twisted transport."""

from __future__ import annotations

import errno

from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IReactorTime,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.interfaces import AnyTransport, ILimitedSide, IProcess, ISide, ISideReceiver, Medium
from pipetwist.stats.counting import count_writes
from pipetwist.transfer import lingering
from pipetwist.transfer.acknowledgement import Acknowledgement
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
    Step,
    Writing,
)
from pipetwist.transfer.ending_side import EndingSide
from pipetwist.transfer.flow_control import AfterNextTurn, DrainWatch, WriteFlowControl
from pipetwist.transfer.loss_reasons import describe_error, reason_of
from pipetwist.transfer.peer_close_watch import PeerCloseWatch
from pipetwist.transfer.socket_state import (
    below_tls,
    holds_unread,
    innermost,
    is_tcp,
    left_error,
    socket_of,
    unread,
)

__all__ = ["StreamSide"]


@implementer(ILimitedSide, ISide, IHalfCloseableProtocol)
class StreamSide(EndingSide, Protocol):
    """A side of a connection on any Twisted stream transport.

    Args:
        clock: counts the time for which a peer's end of file is waited for.
        peer_close_watch: notices a peer that has closed.
    """

    dropped = 0
    process: IProcess | None = None
    medium = Medium.STREAM
    carrier: object = None
    half_closes = True
    notices_loss = False
    transport: AnyTransport

    def __init__(self, clock: IReactorTime, peer_close_watch: PeerCloseWatch | None = None) -> None:
        self.received = 0
        self.delivered = 0
        self.receiver = None
        self.ending: Ending = BEGINNING
        self._clock = clock
        self._peer_close_watch = peer_close_watch
        self._descriptor: int | None = None
        self._linger: IDelayedCall | AfterNextTurn | Acknowledgement | None = None
        self._shows_writes = False
        self._written = 0
        self.reason = ""

    @property
    def moved(self) -> int:
        return self.delivered

    # The transport's protocol.

    def connectionMade(self) -> None:
        """Pause reading until a receiver is attached and resumes it."""
        self.transport.pauseProducing()
        if is_tcp(self.transport):
            # Small pieces were small on the other side too: a relay does not wait for more (Nagle).
            self.transport.setTcpNoDelay(True)
        self._shows_writes = count_writes(self.transport, self._count_delivered)

    def dataReceived(self, data: bytes) -> None:
        """Pass the bytes on. A side that is closing drops them."""
        self.received += len(data)
        if not self.ending.closing:
            self.receiver.data_received(self, data)

    def readConnectionLost(self) -> None:
        """The peer has half-closed."""
        connected = socket_of(self.transport)
        error = None
        if connected is not None and not self.ending.closing:
            if unread(connected.fileno()):
                # EPollReactor calls this for a hang-up if reading was resumed in this turn.
                self.transport.resumeProducing()
                return
            error = left_error(connected)
        if error is None or error.errno == errno.EPIPE:
            self._follow(self.hear(PEER_ENDED))
        self._fail(error)

    def writeConnectionLost(self) -> None:
        """Our half-close was sent, after everything that was written."""
        self._follow(self.hear(DRAINED))

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        """Both directions have closed."""
        ending = self.ending
        self.hear(LOST)
        has_all = self._written == self.delivered and not is_tcp(self.transport)
        self.reason = self.reason or reason_of(
            reason, closing=ending.closing, hung_up=has_all and not ending.reads
        )
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._descriptor is not None and self._peer_close_watch is not None:
            self._peer_close_watch.forget(self._descriptor)
        if self.receiver is not None:
            self.receiver.lost(self, self.reason)

    # ISide.

    def attach(self, receiver: ISideReceiver) -> None:
        self.receiver = receiver
        if self.ending.over:
            receiver.lost(self, self.reason)
        else:
            self.transport.registerProducer(WriteFlowControl(self), True)
            self._watch()

    def write(self, data: bytes) -> None:
        if self.ending.writable:
            self._written += len(data)
            self.transport.write(data)
            if not self._shows_writes:
                self.delivered += len(data)

    def pause_reading(self) -> None:
        if self.ending.reads and not self.ending.closing:
            self.transport.pauseProducing()

    def resume_reading(self) -> None:
        """See `ISide`; resuming a transport after its end of file would report that again."""
        if self.ending.reads:
            self.transport.resumeProducing()

    def write_eof(self) -> None:
        """See `ISide`; TLS still reads after close_notify; others without half-close stay open."""
        if self.ending.writable:
            self.hear(FINISH)
            self._send_end()

    def close(self) -> None:
        """See `ISide`; waits for a moment if the peer may still be sending."""
        # Closing with unread bytes sends a reset, over a unix socket too: that is only for a
        # connection that was cut off.
        if not self.ending.closing:
            self._close(waits=self._written > 0 or holds_unread(self.transport))

    def _close(self, *, waits: bool) -> None:
        if self.ending.closing:
            return
        waits = waits and hasattr(self.transport, "loseWriteConnection")
        unended = self.ending.writable
        step = self.hear(CLOSE if waits else END)
        if unended:
            self._send_end()
        if not waits:
            self._lose()
            return
        self._follow(step)
        if self.ending.writing is not Writing.ENDING:
            self.resume_reading()

    def disconnect(self) -> None:
        self.close()

    def close_with_error(self) -> None:
        """See `ISide`: waits until what was sent is acknowledged, or the reset would overtake
        it.
        """
        tls = ISSLTransport.providedBy(self.transport)
        if self.ending.closing or not is_tcp(innermost(self.transport)):
            self._close(waits=self._written > 0)
            return
        if tls:  # it may have to answer what it reads with a close_notify
            self.pause_reading()
        else:
            self.resume_reading()
        unended = self.ending.writable
        step = self.hear(CLOSE_WITH_ERROR)
        if unended:
            self.transport.unregisterProducer()
        if tls:
            self._linger = AfterNextTurn(self._clock, self._watch_buffer)
        elif unended:
            self._watch_buffer()
        else:
            self._follow(step)

    def abort(self) -> None:
        if not self.ending.over:
            transport = self.transport
            if self.ending.writable:
                transport.unregisterProducer()
            self.hear(END)
            abort = getattr(transport, "abortConnection", None) or transport.loseConnection
            abort()

    # Effects.

    def _follow(self, step: Step) -> None:
        # The end of file follows what is buffered: `_send_end` has requested it from the transport.
        if step.tells_end:
            self.receiver.read_ended(self)
        if step.lingers:
            self._linger = self._clock.callLater(lingering.LINGER_SECONDS, self._lingered)
        if step.acknowledges:
            self._reset_once_acknowledged()
        if step.leaves:
            self._lose()

    def _send_end(self) -> None:
        # With a streaming producer a transport would never close (FileDescriptor.doWrite).
        self.transport.unregisterProducer()
        if ISSLTransport.providedBy(self.transport):
            self.transport.loseConnection()
        elif hasattr(self.transport, "loseWriteConnection"):
            self.transport.loseWriteConnection()
            return
        # It is not reported when it was sent. If it was not by the end of the wait, it still will
        # be.
        self._follow(self.hear(DRAINED))

    def _watch_buffer(self) -> None:
        self._linger = None
        DrainWatch(self._emptied).watch(innermost(self.transport))

    def _emptied(self) -> None:
        self.hear(DRAINED)
        self._reset_once_acknowledged()

    def _lingered(self) -> None:
        self._linger = None
        self._lose()

    def _lose(self) -> None:
        # TLS would wait for the peer's close_notify; its socket closes when everything is
        # delivered.
        if not self.ending.over:
            below_tls(self.transport).loseConnection()

    def _reset_once_acknowledged(self) -> None:
        if self._linger is None and not self.ending.over:
            lowest = innermost(self.transport)
            self._linger = Acknowledgement(self._clock, lowest.fileno(), lowest.abortConnection)
            self._linger.wait()

    def _watch(self) -> None:
        if hasattr(self.transport, "fileno") and self._peer_close_watch is not None:
            self._descriptor = self.transport.fileno()
            self._peer_close_watch.watch(self._descriptor, self._peer_gone)

    def _peer_gone(self) -> None:
        if self.ending.closing:
            return
        # After a TCP peer's end of file no read reports its reset.
        connected = None if self.ending.reads else socket_of(self.transport)
        error = None if connected is None else left_error(connected)
        if error is None:
            self.receiver.peer_closed(self)
        self._fail(error)

    def _fail(self, error: OSError | None) -> None:
        if error is not None and not self.ending.closing:
            self.reason = describe_error(error)
            self.hear(END)
            self.transport.abortConnection()

    def _count_delivered(self, count: int) -> None:
        self.delivered += count

    @property
    def descriptor_text(self) -> str:
        fileno = getattr(self.transport, "fileno", None)
        return "" if fileno is None else f"fd={fileno()}"
