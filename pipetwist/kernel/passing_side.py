"""A unix socket whose descriptors are passed on, each with the byte that it came with.

Only two of these pass anything on. What is read is looked at first, and nothing is spliced: the
kernel closes the descriptors that bytes came with which are spliced.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Any, Protocol

from pipetwist.interfaces import AnySideReceiver, IDescriptorSide, ITracker
from pipetwist.kernel.ancillary import (
    bytes_ahead,
    close_descriptors,
    look_ahead,
    receive_descriptors,
    send_descriptors,
)
from pipetwist.kernel.context import BUFFER_SIZE, KernelContext
from pipetwist.kernel.limited_reader import LimitedReader
from pipetwist.kernel.reader import Reader
from pipetwist.kernel.side import DescriptorSide
from pipetwist.kernel.socket_side import SocketReader, SocketSide, SocketWriter
from pipetwist.transfer.loss_reasons import NOT_NOW, describe_error

__all__ = ["MAX_WAITING", "DescriptorBudget", "PassingSide"]

MAX_WAITING = 64
"""How many descriptors of one connection may wait until its peers take them."""

_DONT_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))
# Why a socket takes bytes and no descriptors: its owner wants none (SO_PASSRIGHTS), or the user has
# too many underway (unix(7)).
_REFUSALS = {
    errno.EPERM: "it takes no descriptors",
    errno.ETOOMANYREFS: "too many descriptors are underway",
}
_NONE_FREE = "a descriptor that it passed was lost, since this process may have no more"
_TOO_MANY = f"more than {MAX_WAITING} descriptors that it passed would have to wait"
_NO_SHARE = "no file descriptor is left for one that it passed"


class DescriptorBudget(Protocol):
    """Counts descriptors that wait."""

    def lend(self, count: int) -> bool:
        """Count so many as used, if there are as many."""

    def returned(self, count: int) -> None:
        """Count so many as used no more."""


class Underway:
    """The descriptors of one connection that wait, both ways.

    Args:
        budget: they count there.
    """

    __slots__ = ("_budget", "waiting")

    def __init__(self, budget: DescriptorBudget) -> None:
        self._budget = budget
        self.waiting = 0

    def keep(self, count: int) -> str:
        """So many more are to wait; why they can't, empty if they can."""
        if self.waiting + count > MAX_WAITING:
            return _TOO_MANY
        if not self._budget.lend(count):
            return _NO_SHARE
        self.waiting += count
        return ""

    def gone(self, count: int) -> None:
        """So many wait no more."""
        self.waiting -= count
        self._budget.returned(count)


class PassingReader(SocketReader):
    """Reads a socket, and the descriptors with it."""

    __slots__ = ()
    side: PassingSide

    @classmethod
    def limited(cls) -> type[Reader]:
        return LimitedPassingReader

    def receive(self) -> int:
        side = self.side
        return side.socket.recv_into(side.kernel.buffer, side.next_bytes, _DONT_WAIT)

    def read(self) -> None:
        self.read_into(self.side.kernel.buffer)

    def read_into(self, buffer: memoryview) -> None:
        """Read no more than there is room for here."""
        side, sink = self.side, self.sink
        side.next_bytes = len(buffer)
        if (
            not isinstance(sink, PassingWriter)
            or side.ending.closing
            or not sink.side.ending.delivers
        ):
            self.copy()  # which leaves no room for descriptors: the kernel closes them
            return
        try:
            count, passed = look_ahead(side.socket, buffer)
            ahead = bytes_ahead(side.socket, buffer, count) if passed else count
            if passed and not ahead:
                count, descriptors, lost = receive_descriptors(side.socket, buffer)
        except OSError as error:
            if error.errno not in NOT_NOW:
                side.broken(describe_error(error))
            return
        if ahead or not passed:
            # What came after the look may have descriptors.
            side.next_bytes = ahead or len(buffer)
            self.copy()
            return
        side.count_received(count)
        if lost:
            close_descriptors(descriptors)
            side.broken(_NONE_FREE)
            return
        refusal = sink.take_passed(count, descriptors)
        if refusal:
            side.broken(refusal)


class LimitedPassingReader(LimitedReader, PassingReader):
    """Reads a socket, as much as it may, and the descriptors with it."""

    free = PassingReader

    def read_into(self, buffer: memoryview) -> None:
        super().read_into(buffer[: self.turn_bytes])


class PassingWriter(SocketWriter):
    """Writes to a socket, and descriptors with what is written."""

    __slots__ = ("descriptors",)
    side: PassingSide

    def __init__(self, side: PassingSide) -> None:
        SocketWriter.__init__(self, side)
        self.descriptors: Sequence[int] = ()
        """They go with the next byte. More than those of one message never wait, since the source
        is held back meanwhile.
        """

    def take_passed(self, count: int, descriptors: Sequence[int]) -> str:
        """Deliver so much of the shared buffer, with descriptors.

        Returns:
            Why they can't wait, though there is no room for them; empty else.
        """
        self.descriptors = descriptors
        self.take(count)
        if not self.descriptors:
            return ""
        underway = self.side.underway
        refusal = _NO_SHARE if underway is None else underway.keep(len(descriptors))
        if refusal:
            self._close()
        else:
            self.side.waiting_descriptors = len(descriptors)
        return refusal

    def send(self, data: memoryview | bytearray) -> int:
        if not self.descriptors:
            return SocketWriter.send(self, data)
        try:
            sent = send_descriptors(self.side.socket, data, self.descriptors)
        except OSError as error:
            if error.errno in _REFUSALS:
                self.side.broken(_REFUSALS[error.errno])
            raise
        self.drop()
        return sent

    def cannot_write(self, error: OSError) -> None:
        self.drop()
        SocketWriter.cannot_write(self, error)

    def drop(self) -> None:
        """Close those that wait: they are sent, or never will be."""
        side = self.side
        if side.waiting_descriptors and side.underway is not None:
            side.underway.gone(side.waiting_descriptors)
            side.waiting_descriptors = 0
        self._close()

    def _close(self) -> None:
        descriptors, self.descriptors = self.descriptors, ()
        close_descriptors(descriptors)


class PassingSide(SocketSide):
    """A connected unix socket that passes descriptors on, where the other side does so too.

    Args:
        kernel: what it works with.
        connected: the socket.
        tracker: counts what is read from here and delivered here.
        budget: counts the connection's descriptors that wait; None of an outbound's side, which
            goes by the client's.
    """

    __slots__ = ("next_bytes", "underway", "waiting_descriptors")
    reader_type = PassingReader
    writer_type = PassingWriter

    def __init__(
        self,
        kernel: KernelContext,
        connected: socket.SocketType,
        tracker: ITracker | None = None,
        budget: DescriptorBudget | None = None,
    ) -> None:
        self.next_bytes = BUFFER_SIZE
        """How many bytes are read next."""
        self.underway = None if budget is None else Underway(budget)
        self.waiting_descriptors = 0
        SocketSide.__init__(self, kernel, connected, tracker)

    def carry_to(self, sink: IDescriptorSide) -> None:
        other: object = sink
        if isinstance(other, PassingSide):
            self.underway = self.underway or other.underway
        else:
            reader: Any = self.reader  # mypy has an object's class unchangeable
            reader.__class__ = SocketReader  # both have the same slots
        DescriptorSide.carry_to(self, sink)

    def part(self) -> AnySideReceiver:
        writer: Any = self.writer  # a PassingWriter, as its class says; the base declares a Writer
        writer.drop()
        return SocketSide.part(self)
