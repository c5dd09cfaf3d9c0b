"""The two halves of a command's side: the pipe of its output, and that of its input."""

from __future__ import annotations

import os

from pipetwist.kernel.halves import Owner
from pipetwist.kernel.limited_reader import LimitedReader
from pipetwist.kernel.poller import IN, OUT, Events
from pipetwist.kernel.reader import Reader
from pipetwist.kernel.writer import Writer

__all__ = ["InputWriter", "OutputReader"]


class OutputReader(Reader):
    """Reads a command's standard output."""

    __slots__ = ("_claimed", "_events", "descriptor", "unread")

    is_pipe = True

    def __init__(self, side: Owner) -> None:
        super().__init__(side)
        self.descriptor = -1
        self.unread = None
        self._events = -1  # that the poller tells of; none while it does not know the pipe
        self._claimed = False

    @classmethod
    def limited(cls) -> type[Reader]:
        return LimitedOutputReader

    def receive(self) -> int:
        buffer = self.side.kernel.buffer
        return os.readv(
            self.descriptor, [buffer if self.unread is None else buffer[: max(self.unread, 1)]]
        )

    def fileno(self) -> int:
        return self.descriptor

    def found_full(self) -> None:
        if not self._claimed:
            self._claimed = self.side.kernel.pool.enlarge(self.descriptor)

    def count_down(self, count: int) -> None:
        """See `Reader`: the command has exited, and what others write to the pipe now is not
        read.
        """
        self.unread = (self.unread or 0) - count
        if self.unread <= 0 and self.side.ending.reads:
            self.end()

    @property
    def open(self) -> bool:
        """Whether it has not been closed."""
        return self.descriptor >= 0

    def watch(self) -> None:
        """Have the poller tell what is wanted now.

        Raises:
            OSError: it can't.
        """
        events = IN if self.wants() else 0
        # Of a pipe that was never to be read nobody is told anything: its command says by its exit
        # that it has gone.
        if self.open and events != max(self._events, 0):
            if self._events < 0:
                self.side.kernel.poller.add(
                    self.descriptor, Events(self.side.ready, self.side.failed), events
                )
            else:
                self.side.kernel.poller.change(self.descriptor, events)
            self._events = events

    def close(self) -> None:
        """Read no more."""
        if self.open:
            if self._events >= 0:
                self.side.kernel.poller.remove(self.descriptor)
            os.close(self.descriptor)
            self.descriptor = -1
            if self._claimed:
                self.side.kernel.pool.release()


class LimitedOutputReader(LimitedReader, OutputReader):
    """Reads a command's standard output, as much as it may."""

    free = OutputReader

    def receive(self) -> int:
        most = self.turn_bytes if self.unread is None else min(self.unread, self.turn_bytes)
        return os.readv(self.descriptor, [self.side.kernel.buffer[: max(most, 1)]])


class InputWriter(Writer):
    """Writes to a command's standard input."""

    __slots__ = ("_claimed", "_watched", "descriptor")

    is_pipe = True

    def __init__(self, side: Owner) -> None:
        super().__init__(side)
        self.descriptor = -1
        self._watched = self._claimed = False

    def send(self, data: memoryview | bytearray) -> int:
        return os.write(self.descriptor, data)

    def fileno(self) -> int:
        return self.descriptor

    def wait(self) -> None:
        """See `Writer`: a pipe that is full is enlarged at first."""
        if not self._claimed and not self.waiting:
            self._claimed = self.side.kernel.pool.enlarge(self.descriptor)
        super().wait()

    def watch(self) -> None:
        """Have the poller tell what is wanted now.

        Raises:
            OSError: it can't.
        """
        if self.descriptor >= 0 and self.waiting != self._watched:
            if self.waiting:
                self.side.kernel.poller.add(
                    self.descriptor, Events(self._ready, self.side.failed), OUT
                )
            else:
                self.side.kernel.poller.remove(self.descriptor)
            self._watched = self.waiting

    def _ready(self, events: int) -> None:
        if self.waiting:
            self.flush()

    def close(self) -> None:
        """Close it, and forget what waits."""
        self.waiting = False
        self.queue = None
        if self.descriptor >= 0:
            if self._watched:
                self.side.kernel.poller.remove(self.descriptor)
                self._watched = False
            os.close(self.descriptor)
            self.descriptor = -1
            if self._claimed:
                self.side.kernel.pool.release()
