"""What a far end speaks through: a socket, a socket with TLS, or a command's two pipes. None
blocks.

They are Python's own, not Twisted's: what a test sees at a far end is what the kernel or OpenSSL
has to tell.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import ssl
import struct
from typing import Protocol

from pipetwist.network.vsock_socket import AF_VSOCK

__all__ = ["Channel", "PipesChannel", "SocketChannel", "TlsChannel"]

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: closing resets (socket(7))


class Channel(Protocol):
    """Bytes both ways. What would block raises BlockingIOError, or one of the ssl module's errors
    that want something.
    """

    read_fd: int
    """Readable when there may be something to receive."""
    write_fd: int
    """Writable when there may be room to send."""

    def receive(self) -> bytes:
        """Some bytes; none at the end of file."""

    def send(self, data: memoryview) -> int:
        """Hand over some bytes, and say how many."""

    def finish(self) -> None:
        """Send an end of file; receiving goes on."""

    def close(self) -> None:
        """End both directions, as a program that exits does."""

    def reset(self) -> None:
        """End both directions as rudely as the transport can."""


class SocketChannel:
    """A connected socket: of unix, TCP or vsock.

    Args:
        connected: the socket; it is the channel's from now on.
    """

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        if connected.family in (socket.AF_INET, socket.AF_INET6):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connected
        self.read_fd = connected.fileno()
        # The reactor knows one reader or writer by each descriptor.
        self.write_fd = os.dup(self.read_fd)

    def receive(self) -> bytes:
        return self.socket.recv(65536)

    def send(self, data: memoryview) -> int:
        return self.socket.send(data[:65536])

    def finish(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()
        os.close(self.write_fd)

    def reset(self) -> None:
        """See `Channel`. Where there are no resets, it is closed."""
        if self.socket.family != AF_VSOCK:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        SocketChannel.close(self)


class TlsChannel(SocketChannel):
    """A TCP socket with TLS; the handshake goes along with the first bytes.

    Args:
        connected: the socket; it is the channel's from now on.
        context: what to show and whom to trust.
        server_name: the name that the server's certificate must have; None for a server.
    """

    def __init__(
        self, connected: socket.socket, context: ssl.SSLContext, server_name: str | None
    ) -> None:
        connected.setblocking(False)
        wrapped = context.wrap_socket(
            connected,
            server_side=server_name is None,
            server_hostname=server_name,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=False,  # an end without close_notify is no end of file
        )
        super().__init__(wrapped)
        self._tls = wrapped

    def shake_hands(self) -> bool:
        """Go on with the handshake; says whether it is complete."""
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self._tls.do_handshake()
            return True
        return False

    def receive(self) -> bytes:
        try:
            return super().receive()
        except ssl.SSLZeroReturnError:  # a close_notify, where this end has said its own
            return b""

    def send(self, data: memoryview) -> int:
        """See `Channel`. What would have blocked is offered again in the same size, as OpenSSL
        asks.
        """
        return self.socket.send(data[:16384])

    def finish(self) -> None:
        """See `Channel`: sends close_notify."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.finish()
        super().close()


class PipesChannel:
    """The command's ends of its two pipes, in the command's place: it has handed them over and
    waits to exit.

    Args:
        stdin: what the command would read.
        stdout: what it would write.
        control: a socket on which the command waits for its exit status.
        pid: the command's process.
    """

    def __init__(self, stdin: int, stdout: int, control: socket.socket, pid: int) -> None:
        os.set_blocking(stdin, False)
        os.set_blocking(stdout, False)
        self.read_fd = stdin
        self.write_fd = stdout
        self.pid = pid
        self._control = control
        self._open = {stdin, stdout}

    def receive(self) -> bytes:
        return os.read(self.read_fd, 65536)

    def send(self, data: memoryview) -> int:
        return os.write(self.write_fd, data[:65536])

    def finish(self) -> None:
        """See `Channel`: closes standard output, and runs on."""
        self._close(self.write_fd)

    def close(self) -> None:
        """See `Channel`: exits with status 0."""
        self.exit(0)

    def exit(self, status: int) -> None:
        """Have the command close its pipes and exit with this status."""
        self._close(self.read_fd)
        self._close(self.write_fd)
        if self._control.fileno() >= 0:
            with contextlib.suppress(OSError):
                self._control.send(bytes([status]))
            self._control.close()

    def reset(self) -> None:
        """See `Channel`: the command is killed, and its pipes are closed when it is dead, as they
        are where it has them itself.
        """
        with contextlib.suppress(ProcessLookupError):
            pidfd = os.pidfd_open(self.pid)
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            select.select([pidfd], [], [], 20)
            os.close(pidfd)
        self.exit(0)

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.discard(descriptor)
            os.close(descriptor)
