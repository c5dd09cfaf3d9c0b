"""A connected socket as a side with TLS, in the kernel's way: once the handshake is complete, until
when nobody knows whether the server is who it should be.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from pipetwist.errors import ConnectError
from pipetwist.interfaces import ISide
from pipetwist.kernel.context import KernelContext
from pipetwist.tls.connector import ConnectorTls
from pipetwist.transfer.loss_reasons import RESET

if TYPE_CHECKING:
    from pipetwist.tls.connections import TlsConnection

__all__ = ["tls_side"]


def _tls_side(kernel: KernelContext, opened: socket.SocketType, tls: TlsConnection) -> ISide:
    from pipetwist.kernel.tls_side import TlsSide  # loads pyOpenSSL

    return TlsSide(kernel, opened, tls)


def tls_side(
    kernel: KernelContext,
    opened: socket.SocketType,
    tls: ConnectorTls,
    name: str,
    make: Callable[[KernelContext, socket.SocketType, TlsConnection], ISide] = _tls_side,
) -> Deferred[ISide]:
    """Complete a handshake.

    Args:
        kernel: what the side works with.
        opened: the socket, which is closed where this fails or is cancelled.
        tls: what the server is asked for.
        name: where it leads, for people.
        make: makes the side, when the handshake is complete.

    Returns:
        The side; fails with ConnectError.
    """
    from pipetwist.kernel.tls_handshake import Handshake  # loads pyOpenSSL

    def done(connection: TlsConnection) -> None:
        result.callback(make(kernel, opened, connection))

    def failed(reason: str) -> None:
        opened.close()
        lost = reason in ("", RESET)
        cause = "the connection was lost in the TLS handshake" if lost else reason
        result.errback(ConnectError(f"{name}: {cause}"))

    def give_up(_: object) -> None:
        handshake.stop()
        opened.close()

    opened.setblocking(False)
    handshake = Handshake(kernel.poller, kernel.turns, opened, tls.connection, done, failed)
    result: Deferred[ISide] = Deferred(give_up)
    handshake.start(speaks_first=True)
    return result
