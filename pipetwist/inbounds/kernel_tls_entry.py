"""Accepted sockets that speak TLS, in the kernel's way: each comes to the gate when its handshake
is complete.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pipetwist.connection.cause import Cause
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.handshake import HANDSHAKE_SECONDS
from pipetwist.inbounds.proxy_entry import between, client_address
from pipetwist.interfaces import IOutbound, ISide, ITracker
from pipetwist.kernel.context import KernelContext
from pipetwist.tls.failed_handshake import log_handshake_failure
from pipetwist.tls.listener import ListenerTls
from pipetwist.values.addresses import SocketAddress, plain_host, shown_address, shown_peer

if TYPE_CHECKING:
    from pipetwist.tls.connections import TlsConnection

__all__ = ["KernelTlsEntry", "MakeTlsSide", "TlsClient"]


class TlsClient(NamedTuple):
    """A client whose handshake is complete.

    Attributes:
        socket: its socket.
        tls: OpenSSL's connection on it, which has its certificate.
        listener: whose handshake it was.
        address: where it comes from. Of a socket that was reset since the system says no more.
    """

    socket: socket.SocketType
    tls: TlsConnection
    listener: ListenerTls
    address: SocketAddress


MakeTlsSide: TypeAlias = Callable[[KernelContext, TlsClient, "ITracker | None"], ISide]
"""Makes the side of a client; the tracker counts it."""


def _tls_side(kernel: KernelContext, client: TlsClient, tracker: ITracker | None) -> ISide:
    from pipetwist.kernel.tls_side import TlsSide  # loads pyOpenSSL

    return TlsSide(kernel, client.socket, client.tls, tracker, half_closes_by_fin=True)


class KernelTlsEntry:
    """Takes the sockets that an acceptor accepts.

    Args:
        gate: lets them in, by a `TlsClient`.
        context: what the inbound works with.
        kernel: what the sides work with.
        tls: what is shown to clients, and asked of them.
        make_side: makes their sides.
    """

    def __init__(
        self,
        gate: Gate,
        context: InboundContext,
        kernel: KernelContext,
        tls: ListenerTls,
        make_side: MakeTlsSide = _tls_side,
    ) -> None:
        self.make_side = make_side
        self.gate = gate
        self.context = context
        self.kernel = kernel
        self.tls = tls
        self.entering: set[_Entering] = set()

    def __repr__(self) -> str:
        return f"<KernelTlsEntry of {self.gate.tag}: {len(self.entering)} entering>"

    def accepted(self, accepted: socket.SocketType) -> None:
        """Begin with one."""
        try:
            entering = _Entering(self, accepted)
        except OSError:  # it has gone already
            accepted.close()
        else:
            entering.start()

    def stop(self) -> None:
        """Nobody listens any more: who has not come in by now does not."""
        for entering in list(self.entering):
            entering.stop()


class _Entering:
    """A client in its handshake."""

    def __init__(self, entry: KernelTlsEntry, accepted: socket.SocketType) -> None:
        from pipetwist.kernel.tls_handshake import Handshake  # loads pyOpenSSL

        kernel = entry.kernel
        accepted.setblocking(False)
        self._entry = entry
        self._socket = accepted
        self._address: SocketAddress = client_address(accepted)
        self._shown = between(entry.gate, accepted) or _shown(self._address)
        self._kept = entry.gate.expect()
        self._handshake = Handshake(
            kernel.poller, kernel.turns, accepted, entry.tls.connection, self._done, self._failed
        )
        self._time_out = entry.context.reactor.callLater(HANDSHAKE_SECONDS, self._too_slow)

    def __repr__(self) -> str:
        return f"<client of {self._entry.gate.tag}: {self._handshake!r}>"

    def start(self) -> None:
        self._entry.entering.add(self)
        self._handshake.start(speaks_first=False)

    def stop(self) -> None:
        self._handshake.stop()
        self._leave()
        self._socket.close()

    def _done(self, tls: TlsConnection) -> None:
        self._leave()
        if not self._entry.gate.let_in(
            TlsClient(self._socket, tls, self._entry.tls, self._address), self._make_side
        ):
            from pipetwist.tls.error_queue import forget_errors

            with contextlib.suppress(Exception):  # the client may have gone
                tls.shutdown()
            forget_errors()
            self._socket.close()

    def _make_side(self, client: TlsClient, outbound: IOutbound, tracker: ITracker | None) -> ISide:
        return self._entry.make_side(self._entry.kernel, client, tracker)

    def _failed(self, reason: str) -> None:
        self._leave()
        self._socket.close()
        self._entry.gate.lost(Cause.HANDSHAKE)
        label = f"inbound {self._entry.gate.tag}"
        log_handshake_failure(self._entry.context.log, label, self._shown, reason)

    def _too_slow(self) -> None:
        self._handshake.stop()
        self._failed("")

    def _leave(self) -> None:
        self._entry.entering.discard(self)
        if self._time_out.active():
            self._time_out.cancel()
        self._entry.gate.expected(self._kept)


def _shown(address: object) -> str:
    """A socket's address for people; a client of a unix socket has none."""
    if not isinstance(address, tuple):
        return shown_peer(None)
    host, port, *_ = address
    return shown_address(plain_host(host), port)
