"""A side of a connection that is a socket."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections.abc import Callable

from zope.interface import implementer

from pipetwist.interfaces import IDescriptorSide, ILimitedSide, ITracker
from pipetwist.kernel.context import BUFFER_SIZE, KernelContext
from pipetwist.kernel.limited_reader import LimitedReader
from pipetwist.kernel.poller import IN, OUT
from pipetwist.kernel.reader import Reader
from pipetwist.kernel.side import DescriptorSide
from pipetwist.kernel.writer import Writer
from pipetwist.transfer.acknowledgement import Acknowledgement
from pipetwist.transfer.ending import (
    CLOSE,
    CLOSE_WITH_ERROR,
    FAILED,
    LOST,
    PEER_ENDED,
    REFUSED,
    Event,
    Step,
)
from pipetwist.transfer.lingering import Lingering
from pipetwist.transfer.loss_reasons import describe_error
from pipetwist.transfer.socket_state import left_error, unread

__all__ = ["LimitedSocketReader", "SocketReader", "SocketSide", "SocketWriter"]

_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)
_UNIX = int(getattr(socket, "AF_UNIX", 1))
# Only TCP has resets: the end of a unix socket, or of one of vsock, looks the same in any case.
_TCP = (int(socket.AF_INET), int(socket.AF_INET6))
# As the number that it is: Python's own socket makes a constant of its enumeration of it each time,
# which takes as long as a system call.
_family: Callable[[socket.SocketType], int] = socket.SocketType.family.__get__
# Python's own asks first whether anybody has made a file of it.
_close: Callable[[socket.SocketType], None] = socket.SocketType.close
_RESET = struct.pack("ii", 1, 0)


class SocketReader(Reader):
    """Reads a socket."""

    __slots__ = ()
    side: SocketSide

    @classmethod
    def limited(cls) -> type[Reader]:
        return LimitedSocketReader

    def receive(self) -> int:
        side = self.side
        return side.socket.recv_into(side.kernel.buffer, BUFFER_SIZE, _DONT_WAIT)

    def fileno(self) -> int:
        return self.side.descriptor_to_splice()


class LimitedSocketReader(LimitedReader, SocketReader):
    """Reads a socket, as much as it may."""

    free = SocketReader

    def receive(self) -> int:
        side, most = self.side, min(self.turn_bytes, BUFFER_SIZE)
        return side.socket.recv_into(side.kernel.buffer, most, _DONT_WAIT)


class SocketWriter(Writer):
    """Writes to a socket."""

    __slots__ = ()
    side: SocketSide

    def send(self, data: memoryview | bytearray) -> int:
        return self.side.socket.send(data, _DONT_WAIT)

    def fileno(self) -> int:
        return self.side.descriptor_to_splice()


@implementer(IDescriptorSide, ILimitedSide)
class SocketSide(DescriptorSide):
    """A connected stream socket.

    Args:
        kernel: what it works with.
        connected: the socket.
        tracker: counts what is read from here and delivered here.
    """

    __slots__ = ("_descriptor", "_events", "_waits", "socket")

    reader_type: type[Reader] = SocketReader
    writer_type: type[Writer] = SocketWriter

    def __init__(
        self, kernel: KernelContext, connected: socket.SocketType, tracker: ITracker | None = None
    ) -> None:
        DescriptorSide.__init__(self, kernel, self.reader_type, self.writer_type, tracker)
        self.socket = connected
        self._descriptor = connected.fileno()
        self._events = -1  # that the poller tells of; none while it does not know the socket
        self._waits: Lingering | Acknowledgement | None = None  # for its peer

    @property
    def notices_loss(self) -> bool:  # type: ignore[override]  # a class's attribute in DescriptorSide
        """See `ISide`: of a unix socket's hang-up the kernel tells unasked, and of a TCP peer that
        vanished it knows nothing.
        """
        return _family(self.socket) == _UNIX

    @property
    def peer_socket(self) -> socket.SocketType:
        return self.socket

    def descriptor_to_splice(self) -> int:
        """Its descriptor, which does not block: reading and writing say for themselves that they
        will not wait, so that most need not.
        """
        if self.socket.gettimeout() is None:
            self.socket.setblocking(False)
        return self._descriptor

    # DescriptorSide.

    def watch(self) -> None:
        ending = self.ending
        if ending.over:
            return
        reader = self.reader
        events = 0 if reader.paused or reader.held_back or not ending.reads else IN
        if self.writer.waiting:
            events |= OUT
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

    def all_read(self) -> None:
        self.follow(self.hear(PEER_ENDED))

    def broken(self, reason: str) -> None:
        self._lost("" if self.ending.closing else reason)

    def unwritable(self, error: OSError) -> None:
        """See `DescriptorSide`: what the peer has sent is still read, and its end ends this
        side.
        """
        if not self.ending.closing:
            self.reason = describe_error(error)
        # A TCP socket says EPIPE after the peer's end of file has come, and ECONNRESET where there
        # was none (tcp_reset in Linux); whoever hears of a reset by a write reads an end of file. A
        # unix socket says EPIPE of any peer, and a read says whether it was cut off.
        self.follow(self.hear(REFUSED if error.errno == errno.EPIPE else FAILED))

    def peer_gone(self) -> None:
        """See `DescriptorSide`: what became of a TCP peer after its end of file no read tells any
        more.
        """
        if not self.ending.reads and not self.ending.closing and _family(self.socket) != _UNIX:
            error = left_error(self.socket)
            if error is not None:
                self._lost(describe_error(error))
                return
        DescriptorSide.peer_gone(self)

    def follow(self, step: Step) -> None:
        """See `DescriptorSide`; the end of file may find that the peer has gone."""
        if step.sends_end:
            self.send_end(step)
        if step.tells_end:
            self.receiver.read_ended(self)
        if step.lingers:
            self._waits = lingering = self.kernel.lingering
            lingering.wait(self)
        elif step.acknowledges:
            self._waits = acknowledgement = Acknowledgement(
                self.kernel.reactor, self._descriptor, self.abort
            )
            acknowledgement.wait()
        elif step.leaves and self.ending is step.after:
            self._lost(self.reason)

    def send_end(self, step: Step) -> None:
        """Send the end of file that this step asks for."""
        try:  # noqa: SIM105 - which takes as long as the system call
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    # ISide.

    def close(self) -> None:
        """See `ISide`; a peer that is still sending is waited for a moment, where it was sent
        something or something of its is unread.
        """
        if self.ending.closing:
            return
        # What is closed with something unread is reset, over a unix socket as well, and a reset is
        # for what was cut off.
        if self._sent_nothing() and not unread(self._descriptor):
            self._lost("")
        else:
            self._end_by(CLOSE)

    def disconnect(self) -> None:
        self.close()

    def close_with_error(self) -> None:
        """See `ISide`: what is under way is acknowledged before the reset, or the reset would
        overtake it.
        """
        if self.ending.closing:
            return
        if _family(self.socket) in _TCP:
            self._end_by(CLOSE_WITH_ERROR)
        elif self._sent_nothing():
            self._lost("")
        else:
            self._end_by(CLOSE)

    def abort(self) -> None:
        """See `ISide`: over TCP the peer gets a reset."""
        self._reset("")

    def failed(self) -> None:
        self._reset("internal error")

    # Its end.

    def _sent_nothing(self) -> bool:
        """Whether the peer was sent nothing, and has not ended."""
        return not self.delivered and not self.writer.waiting and self.ending.reads

    def _end_by(self, event: Event) -> None:
        self.reason = ""  # what went wrong before is of no interest any more
        self.follow(self.hear(event))
        if not self.ending.over:
            self.writer.finish()
        if not self.ending.over:
            self.reader.discard()

    def lingered(self) -> None:
        self._lost("")

    def _reset(self, reason: str) -> None:
        if not self.ending.over and _family(self.socket) in _TCP:
            with contextlib.suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._lost(reason)

    def _lost(self, reason: str) -> None:
        if self.ending.over:
            return
        self.hear(LOST)
        self.reason = reason
        if self._waits is not None:
            self._waits.cancel(self)
            self._waits = None
        if self._events >= 0:
            self.kernel.poller.remove(self._descriptor)
        _close(self.socket)
        receiver = self.part()
        if receiver is not None:
            receiver.lost(self, reason)

    @property
    def descriptor_text(self) -> str:
        return f"fd={self._descriptor}"
