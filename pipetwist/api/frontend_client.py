"""A client of the frontend, and its connection to gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener, IProtocol, ISSLTransport
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.api.frames import ClientFrames, RefusedError
from pipetwist.api.rate_limit import RateLimitedReading
from pipetwist.interfaces import AnyTransport
from pipetwist.tls.failed_handshake import log_failed_handshake

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime, IStreamClientEndpoint
    from twisted.logger import Logger

    from pipetwist.api.callers import Callers
    from pipetwist.api.rate_limit import RateLimit

__all__ = ["LINGER_SECONDS", "ClientOwner", "FrontendClient"]

LINGER_SECONDS = 2.0
"""How long a client may take to read gRPC's last frames."""
_PREFACE_SECONDS = 60.0
# Bytes that are read at a time: even as small frames they are checked in about a millisecond.
_READ_BYTES = 8192
# Empty SETTINGS, and GOAWAY for a PROTOCOL_ERROR: they show HTTP/2 (RFC 9113, 6.5 and 6.8).
_GOODBYE = bytes.fromhex("0000000400000000000000080700000000000000000000000001")


class ClientOwner(Protocol):
    """What has accepted a client: the frontend.

    Attributes:
        inner: where gRPC listens.
        clock: counts the time.
        log: where it logs.
        label: the listener's key in the configuration, for the log.
        rate_limit: how fast clients are read.
        callers: learns who each client is, and whom to refuse; None if nobody asks.
    """

    inner: IStreamClientEndpoint
    clock: IReactorTime
    log: Logger
    label: str
    rate_limit: RateLimit
    callers: Callers | None

    def come(self, client: FrontendClient) -> None:
        """A client has connected."""

    def gone(self, client: FrontendClient) -> None:
        """A client was lost."""

    def tell_refused(self, client: FrontendClient, why: str) -> None:
        """Log that a client was closed because of what it sent."""


@implementer(IHandshakeListener)
class FrontendClient(TwistedProtocol):
    """One client. It is connected to gRPC when it has shown that it speaks HTTP/2.

    Args:
        frontend: has accepted it.
        host: the address of its machine.
    """

    transport: AnyTransport

    def __init__(self, frontend: ClientOwner, host: object) -> None:
        self.host = host
        self._frontend = frontend
        self._frames = ClientFrames()
        self._early: list[bytes] = []  # received before gRPC was connected
        self._connecting: Deferred[IProtocol] | None = None
        self._inner: AnyTransport = None  # the transport to gRPC
        self._call: IDelayedCall | None = None
        self._reading: RateLimitedReading | None = None
        self._who = ""
        self._is_known = self._shaken = self._is_over = False

    def __repr__(self) -> str:
        state = "over" if self._is_over else "carried" if self._inner else "not carried"
        return f"<FrontendClient of {self.host}: {self._frames}, {state}>"

    def connectionMade(self) -> None:
        """It has connected."""
        self._frontend.come(self)
        read: AnyTransport = getattr(self.transport, "transport", self.transport)
        read.bufferSize = _READ_BYTES
        self._reading = RateLimitedReading(self._frontend.rate_limit, self.transport)
        self._call = self._frontend.clock.callLater(_PREFACE_SECONDS, self.abort)

    def handshakeCompleted(self) -> None:
        self._shaken = True

    def dataReceived(self, data: bytes) -> None:
        """It sends."""
        if self._is_over:
            return
        looked, reading = self._frames, self._reading
        before = looked.frames, looked.requests
        try:
            looked.receive(data)
        except RefusedError as error:
            self._refuse(str(error))
            return
        if reading is not None:
            reading.spend(looked.frames - before[0], looked.requests - before[1])
        if self._inner is not None:
            self._inner.write(data)
            return
        self._early.append(data)
        if looked.is_http2 and reading is not None and not self._is_known:
            self._is_known = True
            if not self._identify():
                return
            self._stop_waiting()
            reading.pauseProducing()
            seconds = self._frontend.rate_limit.seconds_to_carry()
            if seconds:
                self._call = self._frontend.clock.callLater(seconds, self._connect)
            else:
                self._connect()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It was lost."""
        self._frontend.gone(self)
        if self._reading is not None:
            self._reading.stop()
        if not self._shaken and ISSLTransport.providedBy(self.transport):
            log_failed_handshake(
                self._frontend.log, self._frontend.label, self.transport.getPeer(), reason
            )
        self._is_over = True
        self._stop_waiting()
        if self._inner is not None:
            if self._frontend.callers is not None:
                self._frontend.callers.left(self._inner)
            self._inner.abortConnection()
        elif self._connecting is not None:
            self._connecting.cancel()

    def forward(self, inner: AnyTransport) -> None:
        """Start to forward bytes both ways, with flow control.

        Args:
            inner: the transport to gRPC.
        """
        if self._is_over:
            inner.abortConnection()
            return
        self._inner = inner
        if self._frontend.callers is not None:
            self._frontend.callers.came(inner, self._who)
        self.transport.registerProducer(inner, True)
        inner.registerProducer(self._reading, True)
        if self._reading is not None:
            self._reading.resumeProducing()
        early, self._early = self._early, []
        inner.writeSequence(early)

    def end(self) -> None:
        """Close it in order, when what was written is delivered, or after a time-out."""
        if self._is_over:
            return
        self._is_over = True
        self._stop_waiting()
        if self._inner is not None:
            self.transport.unregisterProducer()
        self.transport.loseConnection()
        self._call = self._frontend.clock.callLater(LINGER_SECONDS, self.abort)

    def leave(self) -> None:
        """Close it now. If it is connected to gRPC, gRPC sends its last frames and closes it."""
        if self._inner is None:
            self.abort()

    def abort(self) -> None:
        """Close it now."""
        self.transport.abortConnection()

    def _connect(self) -> None:
        self._call = None
        factory = Factory.forProtocol(lambda: _Inner(self))
        factory.noisy = False
        self._connecting = self._frontend.inner.connect(factory)
        self._connecting.addErrback(self._not_carried)

    def _identify(self) -> bool:
        """Find out who it is, if anybody asks; False if it is refused."""
        if self._frontend.callers is None:
            return True
        try:
            self._who = self._frontend.callers.identify(self.transport)
        except RefusedError as error:
            self._frontend.tell_refused(self, str(error))
            # Without a GOAWAY, after which a client of gRPC would try on until its time is over.
            self.end()
            return False
        return True

    def _refuse(self, why: str) -> None:
        self._frontend.tell_refused(self, why)
        if self._inner is None and self._connecting is None:
            self.transport.write(_GOODBYE)
            self.end()
        else:  # gRPC may be in the middle of a frame
            self._is_over = True
            self.abort()

    def _not_carried(self, failure: Failure) -> None:
        if not self._is_over:
            text, reason = "{place}: gRPC can't be reached: {reason}", failure.getErrorMessage()
            self._frontend.log.warn(text, place=self._frontend.label, reason=reason)
            self.abort()

    def _stop_waiting(self) -> None:
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()


class _Inner(TwistedProtocol):
    """A client's connection to gRPC.

    Args:
        client: the client.
    """

    def __init__(self, client: FrontendClient) -> None:
        self._client = client

    def connectionMade(self) -> None:
        self._client.forward(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self._client.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._client.end()
