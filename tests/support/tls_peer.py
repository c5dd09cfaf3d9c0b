"""TLS between two sockets of a test: the side's end as the program has it, and a peer that can end
in each way.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from OpenSSL import SSL

from pipetwist.tls.closure import allow_fin, got_close_notify, note_alerts
from pipetwist.tls.connections import new_connection
from pipetwist.tls.context import new_context
from pipetwist.values.tls_options import TlsOptions
from tests.support.shared_certificates import SERVER

__all__ = ["TLS12", "TLS13", "TlsPeer", "TlsSocket", "tls_ends"]

TLS12 = SSL.TLS1_2_VERSION
TLS13 = SSL.TLS1_3_VERSION


@cache
def _context(version: int, *, server: bool, renegotiates: bool = False) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD) if renegotiates else new_context("test", TlsOptions())
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    if server:
        context.use_certificate_chain_file(SERVER[0])
        context.use_privatekey_file(SERVER[1])
    return context


def _connection(
    connected: socket.socket, version: int, *, server: bool, renegotiates: bool = False
) -> SSL.Connection:
    context = _context(version, server=server, renegotiates=renegotiates)
    connection = SSL.Connection(context, connected)
    allow_fin(connection)
    (connection.set_accept_state if server else connection.set_connect_state)()
    return connection


class TlsPeer:
    """The other end.

    Args:
        tls: its connection.
        connected: its socket, which does not block.
    """

    def __init__(self, tls: SSL.Connection, connected: socket.socket) -> None:
        self.tls = tls
        self.socket = connected
        self.received = b""
        """What it has got so far."""
        self.got_notify = False
        """Whether it has got a close_notify."""
        self.got_fin = False
        """Whether the socket has ended, or was reset."""

    def take(self) -> bytes:
        """Take what there is: what has come, of which `received` has all."""
        before = len(self.received)
        try:
            while True:
                self.received += self.tls.recv(1 << 14)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.got_notify = got_close_notify(self.tls)
            with suppress(BlockingIOError):
                self.got_fin = not self.socket.recv(1, socket.MSG_PEEK)
        except SSL.Error:
            self.got_fin = True
        return self.received[before:]

    def send(self, data: bytes) -> None:
        """Send it, in records of its own; all of it must have room."""
        while data:
            data = data[self.tls.send(data) :]

    def say_end(self) -> None:
        """Send a close_notify."""
        self.tls.shutdown()

    def send_fin(self) -> None:
        """End its direction of the socket alone."""
        self.socket.shutdown(socket.SHUT_WR)


def tls_ends(
    near: socket.socket,
    far: socket.socket,
    version: int = TLS13,
    *,
    server: bool = True,
    renegotiates: bool = False,
) -> tuple[SSL.Connection, TlsPeer]:
    """Have two sockets complete a handshake.

    Args:
        near: the side's.
        far: the peer's.
        version: of TLS.
        server: whether the side's end is the server.
        renegotiates: whether the peer may ask for another handshake, as TLS 1.2 allows.

    Returns:
        The side's connection, and the peer.
    """
    near.setblocking(False)
    ours = new_connection(_context(version, server=server), near)
    (ours.set_accept_state if server else ours.set_connect_state)()
    theirs = _connection(far, version, server=not server, renegotiates=renegotiates)
    ends = [ours, theirs]
    unready = list(ends)
    while unready:
        for end in list(unready):
            with suppress(SSL.WantReadError):
                end.do_handshake()
                note_alerts(end)
                unready.remove(end)
    return ends[0], TlsPeer(ends[1], far)


class TlsSocket:
    """TLS with what a far end uses of a socket.

    Args:
        connected: the socket, which does not block.
        server: whether this is the server.
        by_fin: whether it ends its direction by a FIN alone.
        version: of TLS.
    """

    def __init__(
        self,
        connected: socket.socket,
        *,
        server: bool,
        by_fin: bool = False,
        version: int = TLS13,
    ) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._by_fin = by_fin
        self._tls = _connection(connected, version, server=server)

    def shake_hands(self) -> bool:
        """Go on with the handshake; whether it is complete."""
        with suppress(SSL.WantReadError):
            self._tls.do_handshake()
            note_alerts(self._tls)
            return True
        return False

    def send(self, data: memoryview) -> int:
        """See `socket.socket.send`."""
        with _as_sockets_do():
            return self._tls.send(data[: 1 << 14])

    def recv(self, size: int) -> bytes:
        """See `socket.socket.recv`; an end without a close_notify is a reset."""
        try:
            with _as_sockets_do():
                return self._tls.recv(size)
        except SSL.ZeroReturnError:
            if not got_close_notify(self._tls):
                raise ConnectionResetError from None
            return b""

    def shutdown(self, _: int) -> None:
        """End its direction."""
        if self._by_fin:
            self._socket.shutdown(socket.SHUT_WR)
        else:
            with _as_sockets_do():
                self._tls.shutdown()

    def close(self) -> None:
        """See `socket.socket.close`."""
        self._socket.close()

    def fileno(self) -> int:
        """See `socket.socket.fileno`."""
        return self._socket.fileno()

    def setblocking(self, _: bool) -> None:
        """It never does."""

    def setsockopt(self, *option: Any) -> None:
        """See `socket.socket.setsockopt`."""
        self._socket.setsockopt(*option)


@contextmanager
def _as_sockets_do() -> Iterator[None]:
    try:
        yield
    except (SSL.WantReadError, SSL.WantWriteError):
        raise BlockingIOError from None
    except SSL.ZeroReturnError:
        raise
    except SSL.Error:
        raise ConnectionResetError from None
