"""What stands before gRPC: lets in so many, looks at what they send, and carries it to gRPC's own socket and back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IHandshakeListener, ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pipetwist.api.frames import ClientFrames, RefusedError
from pipetwist.api.options import MOST_CONNECTIONS, MOST_OF_ONE_ADDRESS
from pipetwist.api.pacing import Pace, PacedReading
from pipetwist.api.seldom import SeldomLine
from pipetwist.descriptors import DescriptorShares, Share
from pipetwist.tls import log_failed_handshake
from pipetwist.values.addresses import shown_peer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime, IStreamClientEndpoint

__all__ = ["Gate"]

_PLACE = "experimental.v2ray_api"
_PREFACE_SECONDS = 60.0
_LINGER_SECONDS = 2.0
# A client has a socket, and a way to gRPC, of which both ends are this process's.
_DESCRIPTORS = 3
# Bytes that are read at a time: as small frames they are looked at in a millisecond or so.
_READ_BYTES = 8192
# Empty SETTINGS, and GOAWAY for a PROTOCOL_ERROR (RFC 9113, 6.5 and 6.8): by these a client of another protocol knows HTTP/2.
_GOODBYE = bytes.fromhex("0000000400000000000000080700000000000000000000000001")


@implementer(IHandshakeListener)
class _Client(Protocol):
    """One client. gRPC hears of it when it has shown that it speaks HTTP/2.

    Args:
        gate: has let it in.
        host: the address of its machine.
    """

    def __init__(self, gate: Gate, host: object) -> None:
        self.host = host
        self._gate = gate
        self._frames = ClientFrames()
        self._early: list[bytes] = []  # what came before gRPC was there
        self._connecting: Deferred[Any] | None = None
        self._inner: Any = None  # the transport to gRPC
        self._call: IDelayedCall | None = None
        self._reading: PacedReading | None = None
        self._is_known = self._shaken = self._is_over = False

    def __repr__(self) -> str:
        return f"<_Client of {self.host}: {self._frames}, {'over' if self._is_over else 'carried' if self._inner else 'not carried'}>"

    def connectionMade(self) -> None:
        """It has come."""
        self._gate.come(self)
        transport: Any = self.transport
        getattr(transport, "transport", transport).bufferSize = _READ_BYTES
        self._reading = PacedReading(self._gate.pace, transport)
        self._call = self._gate.clock.callLater(_PREFACE_SECONDS, self.abort)

    def handshakeCompleted(self) -> None:
        """See ``IHandshakeListener``."""
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
            seconds = self._gate.pace.seconds_to_carry()
            if seconds:
                self._call = self._gate.clock.callLater(seconds, self._connect)
            else:
                self._connect()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It has gone."""
        self._gate.gone(self)
        if self._reading is not None:
            self._reading.stop()
        if not self._shaken and ISSLTransport.providedBy(self.transport):
            log_failed_handshake(self._gate.log, _PLACE, _peer(self), reason)
        self._is_over = True
        self._stop_waiting()
        if self._inner is not None:
            self._inner.abortConnection()
        elif self._connecting is not None:
            self._connecting.cancel()

    def carry(self, inner: Any) -> None:
        """Have bytes pass from here on, in both directions, each as fast as the other end takes them.

        Args:
            inner: the transport to gRPC.
        """
        if self._is_over:
            inner.abortConnection()
            return
        self._inner = inner
        transport: Any = self.transport
        transport.registerProducer(inner, True)
        inner.registerProducer(self._reading, True)
        if self._reading is not None:
            self._reading.resumeProducing()
        early, self._early = self._early, []
        inner.writeSequence(early)

    def end(self) -> None:
        """Close it in order, once it has got what was written; not for ever."""
        if self._is_over:
            return
        self._is_over = True
        self._stop_waiting()
        transport: Any = self.transport
        if self._inner is not None:
            transport.unregisterProducer()
        transport.loseConnection()
        self._call = self._gate.clock.callLater(_LINGER_SECONDS, transport.abortConnection)

    def leave(self) -> None:
        """Close it now, unless gRPC has it: that has something to say to the end, and closes it then."""
        if self._inner is None:
            self.abort()

    def abort(self) -> None:
        """Close it now."""
        transport: Any = self.transport
        transport.abortConnection()

    def _connect(self) -> None:
        self._call = None
        self._connecting = self._gate.inner.connect(_InnerFactory.forProtocol(lambda: _Inner(self)))
        self._connecting.addErrback(self._not_carried)

    def _refuse(self, why: str) -> None:
        self._gate.tell_refused(self, why)
        if self._inner is None and self._connecting is None:
            transport: Any = self.transport
            transport.write(_GOODBYE)
            self.end()
        else:  # who knows in the middle of which frame gRPC is
            self._is_over = True
            self.abort()

    def _not_carried(self, failure: Failure) -> None:
        if not self._is_over:
            self._gate.log.warn("{place}: gRPC can't be reached: {reason}", place=_PLACE, reason=failure.getErrorMessage())
            self.abort()

    def _stop_waiting(self) -> None:
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()


class _Inner(Protocol):
    """A client's way to gRPC.

    Args:
        client: the client.
    """

    def __init__(self, client: _Client) -> None:
        self._client = client

    def connectionMade(self) -> None:
        self._client.carry(self.transport)

    def dataReceived(self, data: bytes) -> None:
        transport: Any = self._client.transport
        transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._client.end()


class _InnerFactory(Factory):
    noisy = False


class Gate(Factory):
    """Lets clients in, so many of them, and half as many of one address.

    Args:
        inner: where gRPC listens.
        clock: counts the time.
        log: is told who was closed and why, once a minute.
        share: says how many descriptors they may have; where it is None nothing bounds those.
    """

    noisy = False

    def __init__(self, inner: IStreamClientEndpoint, clock: IReactorTime, log: Logger, share: Share | None = None) -> None:
        self.inner = inner
        self.clock = clock
        self.log = log
        self.clients: dict[_Client, None] = {}
        """Those who are there."""
        self.pace = Pace(clock)
        self._share = share or DescriptorShares(sys.maxsize, log).looking(_PLACE)
        self._emptied: Deferred[None] | None = None
        self._refused, self._full = SeldomLine(_PLACE, clock, log), SeldomLine(_PLACE, clock, log)

    def __repr__(self) -> str:
        return f"<Gate: {len(self.clients)} of {self.places}>"

    @property
    def places(self) -> int:
        """How many there may be."""
        return min(MOST_CONNECTIONS, self._share.bound // _DESCRIPTORS)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Let one in, or None."""
        host = getattr(addr, "host", None)  # who comes over a unix socket has none
        of_host = "" if host is None else f" of {host}"
        places = self.places
        few = "" if places == MOST_CONNECTIONS else ", as many as there are file descriptors for (ulimit -n)"
        if len(self.clients) >= places:
            self._full.say(f"all {places} connections are taken{few}: a new one{of_host} was closed")
            return None
        most = min(MOST_OF_ONE_ADDRESS, max(1, places // 2))
        if host is not None and sum(client.host == host for client in self.clients) >= most:
            self._full.say(f"{host} has {most} connections, as many as one address may have: a new one was closed")
            return None
        return _Client(self, host)

    def come(self, client: _Client) -> None:
        """A client is there."""
        self.clients[client] = None
        self._share.take(_DESCRIPTORS)

    def tell_refused(self, client: _Client, why: str) -> None:
        """Say that a client was closed for what it sent."""
        self._refused.say(f"{shown_peer(_peer(client))} was closed: {why}")

    def gone(self, client: _Client) -> None:
        """A client is lost."""
        del self.clients[client]
        self._share.give(_DESCRIPTORS)
        if self._emptied is not None and not self.clients:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def close(self) -> Deferred[None]:
        """End who is left, once gRPC has closed its ends.

        Returns:
            A Deferred that fires when everybody is gone: they get what gRPC has said, if they take it soon.
        """
        for client in list(self.clients):
            client.leave()
        if not self.clients:
            return succeed(None)
        emptied: Deferred[None] = Deferred()
        self._emptied = emptied
        too_long = self.clock.callLater(_LINGER_SECONDS, self._abort_all)
        return emptied.addCallback(lambda _: too_long.cancel() if too_long.active() else None)

    def _abort_all(self) -> None:
        for client in list(self.clients):
            client.abort()


def _peer(client: _Client) -> object:
    transport: Any = client.transport
    return transport.getPeer()
