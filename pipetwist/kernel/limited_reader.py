"""The reading half of a side in the kernel that is limited: it asks a flow before it reads, and
while there is nothing to be had it does not read, so that the peer's own flow control slows it.

Only limited sides have one of these classes: the others run nothing of this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from pipetwist.interfaces import IFlow
from pipetwist.kernel.halves import Owner
from pipetwist.kernel.reader import Reader

__all__ = ["LimitedReader", "limit_reader"]


class LimitedReader(Reader):
    """What all of them have before the reader of their kind; in a dict, since only one of two bases
    may have slots.
    """

    flow: IFlow
    """What is asked."""
    sink_full: bool
    """Whether the sink has no room. `held_back` is that, or that the flow waits for its turn."""
    moving: bool
    """Whether what was granted is being moved now."""
    turn_bytes: int
    free: type[Reader]
    """Its kind's own reader."""

    def ask(self, flow: IFlow) -> None:
        """From now on ask this one."""
        self.flow = flow
        flow.bearer = self
        self._go_on()

    # What others ask of it.

    def hold(self) -> None:
        self.sink_full = True
        if not self.held_back:
            self.held_back = True
            self.side.watch()

    def release(self) -> None:
        if self.sink_full:
            self.sink_full = False
            if not (self.flow.waits or self.moving or self.side.ending.over):
                self._go_on()

    def discard(self) -> None:
        if self.side.ending.reads:
            self.sink_full = self.paused = False
            self.held_back = self.flow.waits
            self.side.watch()

    # Reading.

    def read(self) -> None:
        granted = self.flow.take()
        if granted:
            self._move(granted)
        else:
            self.held_back = True
            self.side.watch()

    def turn(self, granted: int) -> None:
        """See `Bearer`; whoever can't read now leaves its share to others."""
        ending = self.side.ending
        if not (self.paused or self.sink_full) and ending.reads:
            self._move(granted)
            return
        self.flow.settle(granted, 0)
        if not ending.over:
            self._go_on()

    def failed(self) -> None:
        """See `Bearer`."""
        self.side.failed()

    def _move(self, granted: int) -> None:
        side = self.side
        before = side.received
        self.turn_bytes = granted
        self.moving = True
        super().read()
        self.moving = False
        moved = side.received - before
        self.flow.settle(granted, moved)
        if not side.ending.reads:
            return
        if self.held_back and not (self.sink_full or self.paused) and moved >= granted:
            # There may be more, and whoever had to wait has to again: the poller need not tell.
            self.flow.wait()
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Have the poller tell when there is something to read, if that is wanted."""
        self.held_back = self.sink_full
        self.side.watch()


class Read(Owner, Protocol):
    """A side whose reader can be exchanged."""

    reader: Reader


def limit_reader(side: Read, flow: IFlow | None) -> None:
    """Give a side another reader, which asks this flow, or none.

    Args:
        side: the side, which is not over.
        flow: what is asked; None to read freely.
    """
    before = side.reader
    if isinstance(before, LimitedReader):
        before.flow.leave()
        if flow is not None:
            before.ask(flow)
            return
        reader = _exchange(before, before.free)
        reader.held_back = before.sink_full
        side.reader = reader
        side.watch()
    elif flow is not None:
        limited: Any = _exchange(before, before.limited())  # a LimitedReader of its kind
        limited.sink_full, limited.moving = before.held_back, False
        side.reader = limited
        limited.ask(flow)


def _exchange(before: Reader, kind: type[Reader]) -> Reader:
    """A reader of this kind, which goes on where the other one was."""
    reader = kind(before.side)
    for name in _slots(kind):
        setattr(reader, name, getattr(before, name))
    if reader.sink is not None:
        reader.sink.fed_by(reader)
    return reader


def _slots(kind: type[Reader]) -> Iterator[str]:
    for base in kind.__mro__:
        yield from vars(base).get("__slots__", ())
