"""The writing half of a side: delivers at once, keeps what the system does not take, and holds its source back meanwhile."""

from __future__ import annotations

import os

from pipetwist.kernel.descriptor import NOT_NOW, SPLICE_FLAGS, Descriptor

__all__ = ["Delivery"]


class Delivery(Descriptor):
    """What is written to a side."""

    __slots__ = ()

    def take(self, count: int) -> None:
        """Deliver so much of the shared buffer. Nothing waits here, or the source would not have been read."""
        if self.write_over:
            return
        view = self.kernel.buffer[:count]
        try:
            sent = self.send(view)
        except OSError as error:
            if error.errno not in NOT_NOW:
                self.cannot_write(error)
                return
            sent = 0
        self.count_delivered(sent)
        if sent < count:
            self.queue = bytearray(view[sent:])
            self.wait()

    def drain(self) -> None:
        """Deliver what is in the pipe."""
        pipe = self.pipe
        if pipe is None:
            return
        try:
            while pipe.held:
                sent = os.splice(pipe.reading, self.splice_to(), pipe.held, flags=SPLICE_FLAGS)
                pipe.held -= sent
                self.count_delivered(sent)
        except OSError as error:
            if error.errno in NOT_NOW:
                self.wait()
            else:
                self.cannot_write(error)

    def wait(self) -> None:
        """There is no room: go on when there is, and hold the source back until then."""
        if not self.waiting:
            self.waiting = True
            self.watch()
            source = self.source
            if source is not None and not source.held_back:
                source.held_back = True
                source.watch()

    def flush(self) -> None:
        """There is room again."""
        try:
            while self.queue:
                sent = self.send(self.queue)
                self.count_delivered(sent)
                del self.queue[:sent]
        except OSError as error:
            if error.errno not in NOT_NOW:
                self.cannot_write(error)
            return
        self.queue = None
        self.drain()
        if self.write_over or (self.pipe is not None and self.pipe.held):
            return
        self.return_pipe()
        self.relieve()

    def relieve(self) -> None:
        """Nothing waits any more: what was put off until then follows."""
        self.waiting = False
        if self.finishing and not self.write_over:
            self.end_writing()
            if self.over:
                return
        self.watch()
        self.release_source()
        if self.crowded and not self.over:
            self.crowded = False
            self.receiver.relieved(self)

    def release_source(self) -> None:
        """Let the source be read again."""
        source = self.source
        if source is not None and source.held_back:
            source.held_back = False
            if not source.over:
                source.watch()

    def return_pipe(self) -> None:
        """Give the pipe back to the pool, with it what it holds."""
        if self.pipe is not None:
            self.kernel.pool.give_back(self.pipe)
            self.pipe = None

    def end_writing(self) -> None:
        """Everything is delivered, the end of file is next."""
        self.write_over = True
        self.return_pipe()
        self.shut()
        self.all_delivered()

    def cannot_write(self, error: OSError) -> None:
        """The peer takes nothing more. What is read for it is dropped from now on."""
        if self.write_over:
            return
        self.write_over = True
        self.finishing = False
        self.queue = None
        self.return_pipe()
        self.unwritable(error)
        if not self.over:
            self.relieve()
