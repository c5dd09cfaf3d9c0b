"""The reading half of a side in the kernel: what it reads it has the other side's `Writer` deliver
at once.

What comes is read into a buffer that all share, and sent on from there. A direction that keeps
filling the buffer is spliced through a pipe; one that begins or ends at a pipe, as a command's do,
is spliced without another. Bytes are counted by what the system calls return.
"""

from __future__ import annotations

import os

from pipetwist.kernel.halves import Owner, Sink
from pipetwist.process.pipe_ends import has_room
from pipetwist.transfer.loss_reasons import NOT_NOW, describe_error

__all__ = ["SPLICE_FLAGS", "Reader"]

# Applies to the pipe alone (splice(2)); sockets must not block.
SPLICE_FLAGS = getattr(os, "SPLICE_F_MOVE", 1) | getattr(os, "SPLICE_F_NONBLOCK", 2)
# A direction moves so much before the others of its batch get their turn.
TURN_BYTES = 1 << 20
# A spliced direction that moves less than this in a turn goes back to copying.
QUIET_BYTES = 1 << 15
# A direction of which so many reads in a row bring as much as this is busy, and a pipe is worth it.
BUSY_BYTES = 1 << 16
BUSY_READS = 2

DEFAULT_PIPE_SIZE = 1 << 16  # pipe(7)


class Reader:
    """What is read of a side. The methods that raise NotImplementedError are the kinds' own.

    Args:
        side: whose half it is; is told of the end, and asked for its state.
    """

    __slots__ = ("busy_reads", "held_back", "paused", "side", "sink")

    is_pipe = False
    """Whether it can be spliced straight to anything."""
    unread: int | None = None
    """Bytes that may still be read, where there is a bound to them."""
    turn_bytes = TURN_BYTES
    """What is spliced in a turn at most."""

    def __init__(self, side: Owner) -> None:
        self.side = side
        self.sink: Sink | None = None
        self.paused = True  # by whoever asked for it
        self.held_back = False  # by a sink that has no room
        self.busy_reads = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.side!r}>"

    # What the kinds have for themselves.

    @classmethod
    def limited(cls) -> type[Reader]:
        """The kind's `pipetwist.kernel.limited_reader.LimitedReader`."""
        raise NotImplementedError

    def receive(self) -> int:
        """Read into the shared buffer; 0 is an end of file."""
        raise NotImplementedError

    def fileno(self) -> int:
        """The descriptor to splice from."""
        raise NotImplementedError

    def found_full(self) -> None:
        """A pipe of the usual size was full: a larger one would save steps."""

    def count_down(self, count: int) -> None:
        """So much less may still be read. Asked for where there is a bound to that."""

    # What others ask of it.

    def wants(self) -> bool:
        """Whether what comes is to be read now."""
        return not (self.paused or self.held_back) and self.side.ending.reads

    def hand_to(self, sink: Sink) -> None:
        """From now on have this one deliver what is read."""
        self.sink = sink
        sink.fed_by(self)

    def hold(self) -> None:
        """The sink has no room: read nothing more for now."""
        if not self.held_back:
            self.held_back = True
            self.side.watch()

    def release(self) -> None:
        """The sink has room again."""
        if self.held_back:
            self.held_back = False
            if not self.side.ending.over:
                self.side.watch()

    def discard(self) -> None:
        """Read on, so that the peer is not stopped, and drop it."""
        if self.side.ending.reads:
            self.held_back = self.paused = False
            self.side.watch()

    # Reading.

    def read(self) -> None:
        """Move what has come."""
        sink = self.sink
        if sink is None or not (self.busy_reads >= BUSY_READS or self.is_pipe or sink.is_pipe):
            self.copy()
        else:
            self._splice(sink)

    def copy(self) -> None:
        """Read once, and send it on at once; without a sink hand it to the receiver."""
        side = self.side
        try:
            count = self.receive()
        except OSError as error:
            if error.errno not in NOT_NOW:
                side.broken(describe_error(error))
            return
        if not count:
            self.end()
            return
        side.received += count
        if side.tracker is not None:
            side.tracker.uplink(count)
        if not side.ending.closing:
            sink = self.sink
            if sink is None:
                side.receiver.data_received(side, bytes(side.kernel.buffer[:count]))
            else:
                sink.take(count)
                if count < BUSY_BYTES:
                    self.busy_reads = 0
                else:
                    self.busy_reads += 1
        if self.unread is not None:
            self.count_down(count)

    def _splice(self, sink: Sink) -> None:
        """Move it without a look at it, unless it is to be dropped, or the sink has to look."""
        if not (sink.takes_splices and sink.side.ending.delivers) or self.side.ending.closing:
            self.copy()
        elif self.is_pipe or sink.is_pipe:
            self._splice_straight(sink)
        else:
            self._splice_through(sink)

    def _splice_through(self, sink: Sink) -> None:
        """Move as much as a turn allows through a pipe, which the sink keeps as long as there is
        something in it, and no longer.
        """
        side = self.side
        pipe = sink.borrow_pipe()
        if pipe is None:
            self.copy()
            return
        source = self.fileno()
        moved = 0
        turn_bytes = self.turn_bytes
        while moved < turn_bytes:
            try:
                count = os.splice(source, pipe.writing, turn_bytes - moved, flags=SPLICE_FLAGS)
            except OSError as error:
                if error.errno in NOT_NOW:
                    break
                sink.return_pipe()
                side.broken(describe_error(error))
                return
            if not count:
                # Splice says 0 at an end of file, and has said it elsewhere (3proxy/3proxy#853): a
                # read decides.
                sink.return_pipe()
                self.busy_reads = 0
                self.copy()
                return
            pipe.held += count
            moved += count
            side.count_received(count)
            sink.drain()
            if sink.waiting or not sink.side.ending.delivers:
                return
        sink.return_pipe()
        if moved < QUIET_BYTES:
            self.busy_reads = 0

    def _splice_straight(self, sink: Sink) -> None:
        """Move as much as a turn allows between a pipe and something else."""
        side = self.side
        moved = 0
        turn_bytes = self.turn_bytes
        while moved < turn_bytes:
            rest = turn_bytes - moved
            try:
                count = os.splice(
                    self.fileno(),
                    sink.fileno(),
                    min(self.unread, rest) if self.unread else rest,
                    flags=SPLICE_FLAGS,
                )
            except OSError as error:
                if error.errno in NOT_NOW:
                    if not moved:
                        self._splice_stopped(sink)
                # Which of the two has failed is not said, but of a pipe nothing else can be.
                elif self.is_pipe or isinstance(error, BrokenPipeError):
                    sink.cannot_write(error)
                else:
                    side.broken(describe_error(error))
                return
            if not count:
                self.copy()
                return
            moved += count
            side.count_received(count)
            sink.side.count_delivered(count)
            if count >= DEFAULT_PIPE_SIZE:
                self.found_full()
            if self.unread is not None:
                self.count_down(count)
                if not side.ending.reads:
                    return

    def _splice_stopped(self, sink: Sink) -> None:
        """Nothing could be spliced, which mostly means that the sink is full.

        Where it is not, the source has something that is no byte, such as TCP's urgent data, and a
        read gets past it.
        """
        if has_room(sink.fileno()):
            self.copy()
        else:
            sink.wait()

    def end(self) -> None:
        """The peer sends nothing more."""
        self.side.all_read()
