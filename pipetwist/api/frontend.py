"""The frontend before gRPC: limits its clients, checks what they send, and forwards it to gRPC."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IHandshakeListener, IProtocol, ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.api.frames import ClientFrames, RefusedError
from pipetwist.api.options import MAX_CONNECTIONS, MAX_PER_ADDRESS
from pipetwist.api.rate_limit import RateLimit, RateLimitedReading
from pipetwist.descriptors import DescriptorShares, Share
from pipetwist.interfaces import AnyTransport
from pipetwist.logs.rate_limited_log import RateLimitedLog
from pipetwist.tls.failed_handshake import log_failed_handshake
from pipetwist.values.addresses import shown_peer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime, IStreamClientEndpoint

__all__ = ["Frontend"]

_LABEL = "experimental.v2ray_api"
_PREFACE_SECONDS = 60.0
_LINGER_SECONDS = 2.0
_FEW = ", as many as there are file descriptors for (ulimit -n)"
# A client has a socket, and a connection to gRPC, of which both ends belong to this process.
_DESCRIPTORS = 3
# Bytes that are read at a time: even as small frames they are checked in about a millisecond.
_READ_BYTES = 8192
# Empty SETTINGS, and GOAWAY for a PROTOCOL_ERROR: they show HTTP/2 (RFC 9113, 6.5 and 6.8).
_GOODBYE = bytes.fromhex("0000000400000000000000080700000000000000000000000001")


@implementer(IHandshakeListener)
class _Client(Protocol):
    """One client. It is connected to gRPC when it has shown that it speaks HTTP/2.

    Args:
        frontend: has accepted it.
        host: the address of its machine.
    """

    transport: AnyTransport

    def __init__(self, frontend: Frontend, host: object) -> None:
        self.host = host
        self._frontend = frontend
        self._frames = ClientFrames()
        self._early: list[bytes] = []  # received before gRPC was connected
        self._connecting: Deferred[IProtocol] | None = None
        self._inner: AnyTransport = None  # the transport to gRPC
        self._call: IDelayedCall | None = None
        self._reading: RateLimitedReading | None = None
        self._is_known = self._shaken = self._is_over = False

    def __repr__(self) -> str:
        state = "over" if self._is_over else "carried" if self._inner else "not carried"
        return f"<_Client of {self.host}: {self._frames}, {state}>"

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
            log_failed_handshake(self._frontend.log, _LABEL, _peer(self), reason)
        self._is_over = True
        self._stop_waiting()
        if self._inner is not None:
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
        self._call = self._frontend.clock.callLater(_LINGER_SECONDS, self.abort)

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
            self._frontend.log.warn(text, place=_LABEL, reason=reason)
            self.abort()

    def _stop_waiting(self) -> None:
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()


class _Inner(Protocol):
    """A client's connection to gRPC.

    Args:
        client: the client.
    """

    def __init__(self, client: _Client) -> None:
        self._client = client

    def connectionMade(self) -> None:
        self._client.forward(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self._client.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._client.end()


class Frontend(Factory):
    """Accepts a limited number of clients, at most half of them from one address.

    Args:
        inner: where gRPC listens.
        clock: counts the time.
        log: gets which client was closed, and why, once a minute.
        share: limits the descriptors of clients; None for no limit.
    """

    noisy = False

    def __init__(
        self,
        inner: IStreamClientEndpoint,
        clock: IReactorTime,
        log: Logger,
        share: Share | None = None,
    ) -> None:
        self.inner = inner
        self.clock = clock
        self.log = log
        self.clients: dict[_Client, None] = {}
        """The clients that are connected."""
        self.rate_limit = RateLimit(clock)
        self._share = share or DescriptorShares(sys.maxsize, log).monitoring(_LABEL)
        self._emptied: Deferred[None] | None = None
        self._refused = RateLimitedLog(_LABEL, clock, log)
        self._full = RateLimitedLog(_LABEL, clock, log)

    def __repr__(self) -> str:
        return f"<Frontend: {len(self.clients)} of {self.max_clients}>"

    @property
    def max_clients(self) -> int:
        """How many there may be."""
        return min(MAX_CONNECTIONS, self._share.bound // _DESCRIPTORS)

    def buildProtocol(self, addr: IAddress | None) -> _Client | None:
        """Accept one; None if it is refused."""
        host = getattr(addr, "host", None)  # the address of a unix socket has none
        of_host = "" if host is None else f" of {host}"
        max_clients = self.max_clients
        few = "" if max_clients == MAX_CONNECTIONS else _FEW
        if len(self.clients) >= max_clients:
            self._full.say(
                f"all {max_clients} connections are in use{few}: a new one{of_host} was closed"
            )
            return None
        maximum = min(MAX_PER_ADDRESS, max(1, max_clients // 2))
        if host is not None and sum(client.host == host for client in self.clients) >= maximum:
            self._full.say(
                f"{host} has {maximum} connections, as many as one address may have: a new "
                "one was closed"
            )
            return None
        return _Client(self, host)

    def come(self, client: _Client) -> None:
        """A client has connected."""
        self.clients[client] = None
        self._share.take(_DESCRIPTORS)

    def tell_refused(self, client: _Client, why: str) -> None:
        """Log that a client was closed because of what it sent."""
        self._refused.say(f"{shown_peer(_peer(client))} was closed: {why}")

    def gone(self, client: _Client) -> None:
        """A client was lost."""
        del self.clients[client]
        self._share.give(_DESCRIPTORS)
        if self._emptied is not None and not self.clients:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def close(self) -> Deferred[None]:
        """Close the clients that are left, after gRPC has closed its ends.

        Returns:
            A Deferred that fires when all are closed, and have got gRPC's last frames if they read
            them.
        """
        for client in list(self.clients):
            client.leave()
        if not self.clients:
            return succeed(None)
        self._emptied = emptied = Deferred[None]()
        too_long = self.clock.callLater(_LINGER_SECONDS, self._abort_all)
        return emptied.addCallback(lambda _: too_long.cancel() if too_long.active() else None)

    def _abort_all(self) -> None:
        for client in list(self.clients):
            client.abort()


def _peer(client: _Client) -> object:
    return client.transport.getPeer()
