"""The writing half of a side in the kernel: delivers at once, and where there is no room keeps what
is left and holds its `Reader` back.
"""

from __future__ import annotations

import os

from pipetwist.kernel.halves import Owner, Source
from pipetwist.kernel.pipe_pool import Pipe
from pipetwist.kernel.reader import SPLICE_FLAGS
from pipetwist.transfer.loss_reasons import NOT_NOW

__all__ = ["HIGH_WATER_BYTES", "Writer"]

# What is written to a side may wait up to so much before it says that it is full.
HIGH_WATER_BYTES = 1 << 16


class Writer:
    """What a side is written: what waits is in the queue or in the pipe. The methods that raise
    NotImplementedError are the kinds' own.

    Args:
        side: whose half it is; is told when nothing waits any more or can be written, and asked for
            its state.
    """

    __slots__ = ("is_full", "pipe", "queue", "side", "source", "waiting")

    is_pipe = False
    """Whether anything can be spliced straight to it."""
    takes_splices = True
    """Whether bytes can get to it that nobody has looked at."""

    def __init__(self, side: Owner) -> None:
        self.side = side
        self.source: Source | None = None
        self.waiting = False
        self.is_full = False
        self.queue: bytearray | None = None
        self.pipe: Pipe | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.side!r}>"

    # What the kinds have for themselves.

    def send(self, data: memoryview | bytearray) -> int:
        """Write what the system takes."""
        raise NotImplementedError

    def fileno(self) -> int:
        """The descriptor to splice to."""
        raise NotImplementedError

    # What is to be delivered.

    def fed_by(self, source: Source) -> None:
        """Hold this source back while something waits."""
        self.source = source
        if self.waiting:
            source.hold()

    def take(self, count: int) -> None:
        """Deliver so much of the shared buffer. Nothing waits here, or the source would not have
        been read.
        """
        side = self.side
        if not side.ending.delivers:
            return
        view = side.kernel.buffer[:count]
        try:
            sent = self.send(view)
        except OSError as error:
            if error.errno not in NOT_NOW:
                self.cannot_write(error)
                return
            sent = 0
        side.delivered += sent
        if side.tracker is not None:
            side.tracker.downlink(sent)
        if sent < count:
            self.queue = bytearray(view[sent:])
            self.wait()

    def write(self, data: bytes) -> None:
        """Deliver these bytes after those that wait."""
        queue = self.queue
        if queue is None:
            view = memoryview(data)
            try:
                sent = self.send(view)
            except OSError as error:
                if error.errno not in NOT_NOW:
                    self.cannot_write(error)
                    return
                sent = 0
            self.side.count_delivered(sent)
            if sent == len(data):
                return
            queue = self.queue = bytearray(view[sent:])
            self.wait()
        else:
            queue += data
        # Waiting ends a side that the kernel can't watch, and forgets the queue.
        if len(queue) > HIGH_WATER_BYTES and not self.is_full and self.queue is queue:
            self.is_full = True
            self.side.receiver.pause_writing(self.side)

    def drain(self) -> None:
        """Deliver what is in the pipe."""
        pipe = self.pipe
        if pipe is None:
            return
        try:
            while pipe.held:
                sent = os.splice(pipe.reading, self.fileno(), pipe.held, flags=SPLICE_FLAGS)
                pipe.held -= sent
                self.side.count_delivered(sent)
        except OSError as error:
            if error.errno in NOT_NOW:
                self.wait()
            else:
                self.cannot_write(error)

    def borrow_pipe(self) -> Pipe | None:
        """A pipe whose bytes `drain` delivers; None where there is none to be had."""
        self.pipe = self.side.kernel.pool.borrow()
        return self.pipe

    def return_pipe(self) -> None:
        """Give the pipe back to the pool, with it what it holds."""
        if self.pipe is not None:
            self.side.kernel.pool.give_back(self.pipe)
            self.pipe = None

    # Waiting.

    def wait(self) -> None:
        """There is no room: go on when there is, and hold the source back until then."""
        if not self.waiting:
            self.waiting = True
            self.side.watch()
            if self.source is not None:
                self.source.hold()

    def flush(self) -> None:
        """There is room again."""
        try:
            while self.queue:
                sent = self.send(self.queue)
                self.side.count_delivered(sent)
                del self.queue[:sent]
        except OSError as error:
            if error.errno not in NOT_NOW:
                self.cannot_write(error)
            return
        self.queue = None
        self.drain()
        if not self.side.ending.delivers or (self.pipe is not None and self.pipe.held):
            return
        self.return_pipe()
        self.drained()

    def drained(self) -> None:
        """Nothing waits any more: what was put off until then follows."""
        side = self.side
        self.waiting = False
        self.finish()
        if side.ending.over:
            return
        side.watch()
        self.release_source()
        if self.is_full and not side.ending.over:
            self.is_full = False
            side.receiver.resume_writing(side)

    def finish(self) -> None:
        """Where an end has been asked for, it follows now if nothing waits."""
        ending = self.side.ending
        if ending.delivers and not ending.writable and not self.waiting:
            if self.pipe is not None:
                self.return_pipe()
            self.side.drained()

    def cannot_write(self, error: OSError) -> None:
        """The peer takes nothing more. What is read for it is dropped from now on."""
        side = self.side
        if side.ending.delivers:
            self.queue = None
            self.return_pipe()
            side.unwritable(error)
            if not side.ending.over:
                self.drained()

    def release_source(self) -> None:
        """Let the source be read again."""
        if self.source is not None:
            self.source.release()
