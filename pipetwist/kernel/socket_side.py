"""A side of a connection that is a socket."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from pipetwist.interfaces import IDescriptorSide, ITracker
from pipetwist.kernel.poller import IN, OUT
from pipetwist.kernel.setting import BUFFER_SIZE, KernelSetting
from pipetwist.kernel.side import DescriptorSide
from pipetwist.transfer.acknowledgement import Acknowledgement
from pipetwist.transfer.causes import describe_error
from pipetwist.transfer.socket_state import left_error, unread

__all__ = ["SocketSide"]

# After the last byte for a peer that is still sending, so long is waited for its end of file (see `pipetwist.transfer.stream`).
LINGER_SECONDS = 2.0

_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)
_UNIX = int(getattr(socket, "AF_UNIX", 1))
# As the number that it is: Python's own socket makes a constant of its enumeration of it each time, which takes as long as a system call.
_family: Callable[[socket.SocketType], int] = socket.SocketType.family.__get__
_RESET = struct.pack("ii", 1, 0)


@implementer(IDescriptorSide)
class SocketSide(DescriptorSide):
    """A connected stream socket.

    Args:
        kernel: what it works with.
        connected: the socket.
        tracker: counts what is read from here and delivered here.
    """

    __slots__ = ("_breaking", "_cut", "_descriptor", "_events", "_linger", "_may_block", "_recv_into", "_send", "_sent_all", "_socket")

    def __init__(self, kernel: KernelSetting, connected: socket.SocketType, tracker: ITracker | None = None) -> None:
        super().__init__(kernel, tracker)
        self._socket = connected
        self._descriptor = connected.fileno()
        self._recv_into = connected.recv_into
        self._send = connected.send
        self._events = -1
        self._may_block = connected.gettimeout() is None
        self._linger: IDelayedCall | Acknowledgement | None = None
        # Whether it ends with a reset; without an end of file before; and whether the peer's went before the error that is its cause.
        self._breaking = self._cut = self._sent_all = False

    @property
    def notices_loss(self) -> bool:  # type: ignore[override]  # a class's attribute in Descriptor
        """See `ISide`: of a unix socket's hang-up the kernel tells unasked, and of a TCP peer that vanished it knows nothing."""
        return _family(self._socket) == _UNIX

    # Descriptor.

    @property
    def is_tcp(self) -> bool:  # type: ignore[override]  # a class's attribute in Descriptor
        """See `Descriptor`; asked for only when a direction is busy."""
        return _family(self._socket) != _UNIX

    def receive(self) -> int:
        """See `Descriptor`."""
        return self._recv_into(self.kernel.buffer, BUFFER_SIZE, _DONT_WAIT)

    def send(self, data: memoryview | bytearray) -> int:
        """See `Descriptor`."""
        return self._send(data, _DONT_WAIT)

    def splice_from(self) -> int:
        """See `Descriptor`."""
        if self._may_block:
            self._stop_blocking()
        return self._descriptor

    def splice_to(self) -> int:
        """See `Descriptor`."""
        if self._may_block:
            self._stop_blocking()
        return self._descriptor

    def _stop_blocking(self) -> None:
        # Reading and writing say for themselves that they will not wait, so that most connections need not ask the kernel for it.
        self._may_block = False
        self._socket.setblocking(False)

    def watch(self) -> None:
        """See `Descriptor`."""
        if self.over:
            return
        events = (OUT if self.waiting else 0) | (IN if self.wants_to_read() else 0)
        if events == self._events:
            return
        new, self._events = self._events < 0, events
        if not new:
            self.kernel.poller.change(self._descriptor, events)
            return
        try:
            self.kernel.poller.add(self._descriptor, self, events)
        except OSError as error:  # the kernel's bound on what may be watched, epoll_ctl(2)
            self._events = -1
            self._lost(describe_error(error))

    def shut(self) -> None:
        """See `Descriptor`; where the socket is closed next that is an end of file, and a peer that is gone by now needs none."""
        if self._cut or (self.closing and self.read_over and not self._breaking):
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def all_read(self) -> None:
        """See `Descriptor`."""
        if self.closing:
            self._finish_closing()
        elif not self.cause:
            self.receiver.read_ended(self)
        else:
            if self._sent_all:
                self.receiver.read_ended(self)
            if not self.over and not self.closing:
                self._lost(self.cause)

    def peer_gone(self) -> None:
        """See `DescriptorSide`: what became of a TCP peer after its end of file no read tells any more."""
        if self.read_over and not self.closing and _family(self._socket) != _UNIX:
            error = left_error(self._socket)
            if error is not None:
                self._lost(describe_error(error))
                return
        DescriptorSide.peer_gone(self)

    def all_delivered(self) -> None:
        """See `Descriptor`."""
        if self.closing:
            self._finish_closing()

    def unwritable(self, error: OSError) -> None:
        """See `Descriptor`: what the peer has sent is still read, and its end ends this side."""
        self.cause = describe_error(error)
        # Of a TCP peer this is said after its end of file has come, and ECONNRESET where there was none (tcp_reset in Linux); whoever hears
        # of a reset by a write reads an end of file. A unix socket says it of any peer, and of one that was cut off a read says so.
        self._sent_all = error.errno == errno.EPIPE
        if self.closing:
            self._lost("")
        elif self.read_over:
            self._lost(self.cause)

    def broken(self, cause: str) -> None:
        """See `Descriptor`."""
        self._lost("" if self.closing else cause)

    # ISide.

    def close(self) -> None:
        """See `ISide`; a peer that is still sending is waited for a moment, where it was sent something or something of its is unread."""
        if self.over or self.closing:
            return
        self.closing = True
        # What is closed with something unread is reset, over a unix socket as well, and a reset is for what was cut off.
        if self._sent_nothing() and not unread(self._descriptor):
            self._lost("")
            return
        self.finish_writing()
        self.discard_reading()
        self._finish_closing()

    def hang_up(self) -> None:
        """See `ISide`."""
        self.close()

    def break_off(self) -> None:
        """See `ISide`: what is under way is acknowledged before the reset, or the reset would overtake it."""
        if self.over or self.closing:
            return
        if _family(self._socket) == _UNIX:
            if self._sent_nothing():
                self.closing = True
                self._lost("")
            else:
                self.close()
        else:
            # An end of file that is to follow what waits belongs to it.
            self._cut = not self.finishing
            self.closing = self._breaking = True
            self.finish_writing()
            self.discard_reading()
            self._finish_closing()

    def abort(self) -> None:
        """See `ISide`: over TCP the peer gets a reset."""
        self._reset("")

    def failed(self) -> None:
        """See `Pollable`."""
        self._reset("internal error")

    def _sent_nothing(self) -> bool:
        """Whether the peer was sent nothing, and has not ended."""
        return not self.delivered and not self.waiting and not self.read_over

    def _reset(self, cause: str) -> None:
        if not self.over and _family(self._socket) != _UNIX:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._lost(cause)

    def _finish_closing(self) -> None:
        if self.over or not self.write_over:
            return
        if self._breaking:
            if self._linger is None:
                self._linger = acknowledgement = Acknowledgement(self.kernel.reactor, self._descriptor, self.abort)
                acknowledgement.wait()
        elif self.read_over:
            self._lost("")
        elif self._linger is None:
            self._linger = self.kernel.reactor.callLater(LINGER_SECONDS, self._lingered)

    def _lingered(self) -> None:
        self._linger = None
        self._lost("")

    def _lost(self, cause: str) -> None:
        if self.over:
            return
        self.over = self.read_over = self.write_over = True
        self.cause = cause
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        self.queue = None
        self.return_pipe()
        if self._events >= 0:
            self.kernel.poller.remove(self._descriptor)
        self._socket.close()
        self.release_source()
        # The other side and the receiver hold this one as well: circles that the collector would have to find.
        self.sink = self.source = None
        if self.attached:
            receiver, self.receiver = self.receiver, None
            receiver.lost(self, cause)
