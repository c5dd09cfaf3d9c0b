"""A side of a connection that is a Twisted transport."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
    IReactorTime,
    ISSLTransport,
    ITCPTransport,
    IUNIXTransport,
)
from twisted.internet.protocol import Protocol
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.interfaces import ISide, ISideReceiver
from pipetwist.stats.counting import count_writes
from pipetwist.transfer.causes import NO_CLOSE_NOTIFY, cause_of
from pipetwist.transfer.hang_up import HangUpWatch

__all__ = ["StreamSide"]

# After the last byte for a peer that is still sending, this long is waited for its end of file: closing a socket with unread bytes sends a
# reset (RFC 1122, 4.2.2.13), which may overtake what was just delivered.
LINGER_SECONDS = 2.0


@implementer(IPushProducer)
class _Crowding:
    """Turns a transport's wish for fewer bytes into the side's words."""

    def __init__(self, side: StreamSide) -> None:
        self._side = side

    def pauseProducing(self) -> None:
        """More than the transport's buffer waits."""
        self._side.receiver.crowded()

    def resumeProducing(self) -> None:
        """Everything was handed over."""
        self._side.receiver.relieved()

    def stopProducing(self) -> None:
        """The transport has ended, of which `connectionLost` tells."""


@implementer(ISide, IHalfCloseableProtocol)
class StreamSide(Protocol):
    """A side of a connection on any Twisted stream transport.

    Args:
        clock: bounds the wait for a peer's end of file.
        hang_ups: notices a peer that has gone.
    """

    dropped = 0
    half_closes = True
    transport: Any  # what an ITransport is asked for here stands in several interfaces, some of them optional
    receiver: ISideReceiver

    def __init__(self, clock: IReactorTime, hang_ups: HangUpWatch | None = None) -> None:
        self.received = 0
        self.delivered = 0
        self._clock = clock
        self._hang_ups = hang_ups
        self._descriptor: int | None = None
        self._linger: IDelayedCall | None = None
        self._attached = False
        self._shows_writes = False
        self._written = False
        self._read_over = False
        self._write_over = False
        self._shut = False
        self._closing = False
        self._over = False
        self._cause = ""

    @property
    def moved(self) -> int:
        """See `ISide`."""
        return self.delivered

    # The transport's protocol.

    def connectionMade(self) -> None:
        """Hold still until someone is attached and wants bytes."""
        self.transport.pauseProducing()
        if ITCPTransport.providedBy(self.transport) and not IUNIXTransport.providedBy(self.transport):
            # What is small has been small on the other side: it is not for a relay to wait for more.
            self.transport.setTcpNoDelay(True)
        self._shows_writes = count_writes(self.transport, self._count_delivered)

    def dataReceived(self, data: bytes) -> None:
        """Hand the bytes on; a side that closes only waits for their end."""
        self.received += len(data)
        if not self._closing:
            self.receiver.data_received(data)

    def readConnectionLost(self) -> None:
        """The peer has half-closed."""
        self._read_over = True
        if self._closing:
            self._lose()
        else:
            self.receiver.read_ended()

    def writeConnectionLost(self) -> None:
        """Our half-close has gone out, after everything that was written."""
        self._shut = True
        if self._closing:
            self._linger_on()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        """Both directions are over."""
        self._over = self._read_over = self._write_over = True
        cause = cause_of(reason)
        # Who is told of the end by TLS may well close without saying so as well.
        self._cause = "" if self._closing and cause == NO_CLOSE_NOTIFY else cause
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._descriptor is not None and self._hang_ups is not None:
            self._hang_ups.forget(self._descriptor)
        if self._attached:
            self.receiver.lost(self._cause)

    # ISide.

    def attach(self, receiver: ISideReceiver) -> None:
        """See `ISide`."""
        self.receiver = receiver
        self._attached = True
        if self._over:
            receiver.lost(self._cause)
        else:
            self.transport.registerProducer(_Crowding(self), True)
            self._watch()

    def write(self, data: bytes) -> None:
        """See `ISide`."""
        if not self._write_over:
            self._written = True
            self.transport.write(data)
            if not self._shows_writes:
                self.delivered += len(data)

    def pause_reading(self) -> None:
        """See `ISide`."""
        if not self._read_over and not self._closing:
            self.transport.pauseProducing()

    def resume_reading(self) -> None:
        """See `ISide`; resuming a transport after its end of file would tell of it once more."""
        if not self._read_over:
            self.transport.resumeProducing()

    def finish_writing(self) -> None:
        """See `ISide`; a TLS transport goes on reading after its close_notify, others without half-close are left open."""
        if self._end_writing():
            if ISSLTransport.providedBy(self.transport):
                self.transport.loseConnection()
            elif hasattr(self.transport, "loseWriteConnection"):
                self.transport.loseWriteConnection()

    def close(self) -> None:
        """See `ISide`; a peer that is still sending, and was sent something, is waited for a moment."""
        if self._over or self._closing:
            return
        self._closing = True
        self.finish_writing()
        if self._read_over or not self._written or not hasattr(self.transport, "loseWriteConnection"):
            self._lose()
            return
        self.resume_reading()
        # TLS does not tell when its close_notify has gone out. What has not by the end of the wait still does.
        if self._shut or ISSLTransport.providedBy(self.transport):
            self._linger_on()

    def hang_up(self) -> None:
        """See `ISide`."""
        self.close()

    def abort(self) -> None:
        """See `ISide`."""
        if not self._over:
            self._closing = True
            self._end_writing()
            abort = getattr(self.transport, "abortConnection", None) or self.transport.loseConnection
            abort()

    def _end_writing(self) -> bool:
        if self._write_over:
            return False
        self._write_over = True
        # A streaming producer that stays registered keeps a transport that is to close from ever closing (FileDescriptor.doWrite).
        self.transport.unregisterProducer()
        return True

    def _linger_on(self) -> None:
        if self._linger is None and not self._over:
            self._linger = self._clock.callLater(LINGER_SECONDS, self._lingered)

    def _lingered(self) -> None:
        self._linger = None
        self._lose()

    def _lose(self) -> None:
        transport = self.transport
        if ISSLTransport.providedBy(transport):
            # TLS would wait for the peer's close_notify, however long that takes; its socket closes when all is delivered.
            while isinstance(transport, ProtocolWrapper):
                transport = transport.transport
        if not self._over:
            transport.loseConnection()

    def _watch(self) -> None:
        fileno = getattr(self.transport, "fileno", None)
        if fileno is not None and self._hang_ups is not None:
            self._descriptor = cast("int", fileno())
            self._hang_ups.watch(self._descriptor, self._peer_gone)

    def _peer_gone(self) -> None:
        if not self._closing and not self._over:
            self.receiver.hung_up()

    def _count_delivered(self, count: int) -> None:
        self.delivered += count
