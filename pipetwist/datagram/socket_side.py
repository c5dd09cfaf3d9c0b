"""A side of a datagram connection that is a datagram socket with one peer."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct

from zope.interface import implementer

from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.plain import EitherBatch
from pipetwist.datagram.segments import segments_work
from pipetwist.datagram.side import BaseDatagramSide
from pipetwist.datagram.throttle import DatagramThrottle, LimitableSide
from pipetwist.interfaces import IDatagramSide, IDescriptorSide
from pipetwist.kernel.poller import IN, OUT
from pipetwist.transfer.loss_reasons import describe_error

__all__ = ["DatagramSocketSide", "LimitedDatagramSocketSide", "dropped_by_kernel", "hand_to"]

# Batches that are read in one turn at most.
_ROUNDS = 4
# Batches that are read before a refusal by the server closes the side: more than the enlarged
# buffer of a socket holds (`pipetwist.datagram.context.enlarge_buffers`).
_LAST_ROUNDS = 256
# Datagrams that are larger than those before may bring so many bytes more than was granted.
_MOST_BEYOND = 1 << 19
_ERROR = 0x8  # EPOLLERR
_SO_MEMINFO = 55
# linux/sock_diag.h, SK_MEMINFO_VARS; the last is the number of datagrams that were dropped.
_MEMINFO = struct.Struct("@9I")


@implementer(IDescriptorSide, IDatagramSide)
class DatagramSocketSide(BaseDatagramSide):
    """A datagram socket that is connected to a server.

    Args:
        datagram_context: what it works with.
        connected: the socket.
    """

    __slots__ = ("_batch", "_datagram_context", "_events", "_segments", "_socket", "_wants_room")

    def __init__(self, datagram_context: DatagramContext, connected: socket.socket) -> None:
        super().__init__(datagram_context.reactor)
        self._datagram_context = datagram_context
        self._socket = connected
        unix = connected.family == socket.AF_UNIX
        self._batch = (
            datagram_context.from_unix_peers if unix else datagram_context.from_network_peers
        )
        self._segments = not unix and segments_work()
        self._wants_room = False
        self._events = 0
        datagram_context.watcher.add(connected.fileno(), self, 0)

    @classmethod
    def limited(cls) -> type[LimitableSide]:
        return LimitedDatagramSocketSide

    def ready(self, events: int) -> None:
        if events & OUT and self._wants_room:
            self._wants_room = False
            self.flush()
            self._watch()
        if events & ~OUT and not self.ending.over:
            self._read(events)

    def _read(self, events: int) -> None:
        batch = self._batch
        for _ in range(_ROUNDS):
            if self.paused or self.ending.over:
                break
            try:
                count = batch.receive(self._socket, connected=True)
            except OSError as error:
                self._told(error)
                return
            hand_to(self, batch, 0, count)
            if count < batch.count:
                return
        self._look_for_error(events)

    def _look_for_error(self, events: int) -> None:
        if events & _ERROR and not self.ending.over:
            number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                self._told(OSError(number, os.strerror(number)))

    def _told(self, error: OSError) -> None:
        """Read the socket's error about what was sent."""
        if error.errno == errno.EMSGSIZE:
            # The route's MTU is smaller (ICMP): the kernel uses it from now on, and the server can
            # still be reached.
            return
        # Datagrams from before can still be read.
        with contextlib.suppress(OSError):
            for _ in range(_LAST_ROUNDS):
                count = (
                    0
                    if self.paused or self.ending.over
                    else self._batch.receive(self._socket, connected=True)
                )
                if not count:
                    break
                hand_to(self, self._batch, 0, count)
        self.lose(describe_error(error))

    # BaseDatagramSide.

    def send_batch(self, batch: EitherBatch, start: int, stop: int) -> int:
        return batch.send(self._socket, start, stop, segments=self._segments)

    def send_one(self, datagram: bytes) -> None:
        self._socket.send(datagram)

    def await_room(self) -> None:
        self._wants_room = True
        self._watch()

    def resume_reading(self) -> None:
        super().resume_reading()
        self._watch()

    def pause_reading(self) -> None:
        """See `ISide`: the kernel buffers what arrives, and drops what is too much."""
        super().pause_reading()
        self._watch()

    def leave(self) -> None:
        self.paused = True
        self._watch()

    def release(self) -> None:
        self.dropped += dropped_by_kernel(self._socket)
        self._datagram_context.watcher.remove(self._socket.fileno())
        self._socket.close()

    @property
    def descriptor_text(self) -> str:
        return "" if self.ending.over else f"fd={self._socket.fileno()}"

    def _watch(self) -> None:
        self._watch_for(0 if self.paused else IN)

    def _watch_for(self, events: int) -> None:
        if self.ending.over:
            return
        events |= OUT if self._wants_room else 0
        if events != self._events:
            self._events = events
            self._datagram_context.watcher.change(self._socket.fileno(), events)


class LimitedDatagramSocketSide(DatagramSocketSide):
    """One that is not read while its flow waits: datagrams wait in the socket's buffer, and what
    the kernel drops there is counted at the end.
    """

    __slots__ = ()
    throttle: DatagramThrottle

    def _watch(self) -> None:
        self._watch_for(0 if self.paused or self.throttle.flow.waits else IN)

    def _read(self, events: int) -> None:
        flow = self.throttle.flow
        if not (self.paused or flow.waits):
            granted = flow.take()
            if granted:
                self._move(granted)
        self._watch()
        self._look_for_error(events)

    def turn(self, granted: int) -> None:
        """See `Bearer`; one that can't read now leaves its share to others."""
        self._move(granted)
        self._watch()

    def limited_anew(self) -> None:
        """See `LimitableSide`: it may be read until this one waits as well."""
        self._watch()

    def unlimit(self) -> None:
        """Wait no more."""
        self.throttle.flow.leave()
        self._watch_for(0 if self.paused else IN)

    def lose(self, reason: str) -> None:
        if not self.ending.over:
            self.throttle.flow.leave()
        super().lose(reason)

    def _move(self, granted: int) -> None:
        """Pass on what may be: one datagram at first, then as many as fit by the largest of the
        batch before.
        """
        before, flow, batch = self.received, self.throttle.flow, self._batch
        most = more = 1
        for _ in range(_LAST_ROUNDS):
            if self.paused or self.ending.over or not more:
                break
            try:
                count = batch.receive(self._socket, connected=True, most=most)
            except OSError as error:
                flow.settle(granted, self.received - before)
                self._told(error)
                return
            largest = max(batch.lengths, default=0)
            hand_to(self, batch, 0, count)
            rest = granted - (self.received - before)
            if count < min(most, batch.count):
                more = 0
            elif rest <= 0:
                break
            most = min(rest // max(largest, 1), (rest + _MOST_BEYOND) // batch.max_bytes) or 1
        flow.settle(granted, self.received - before)
        if more and not (self.paused or self.ending.over):
            flow.wait()


def dropped_by_kernel(opened: socket.socket) -> int:
    """How many datagrams the system has dropped because this socket's buffer was full, if it says
    so.
    """
    with contextlib.suppress(OSError, struct.error):
        return int(
            _MEMINFO.unpack(opened.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[-1]
        )
    return 0


def hand_to(side: BaseDatagramSide, batch: EitherBatch, start: int, stop: int) -> None:
    """Hand some of a batch to a side; datagrams that were cut are dropped, and counted there."""
    cut = batch.cut
    if not cut:
        side.arrived(batch, start, stop)
        return
    for index in range(start, stop):
        if index in cut:
            side.dropped += 1
        else:
            side.arrived(batch, index, index + 1)
