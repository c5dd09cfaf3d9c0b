"""A side of a connection that is a kernel descriptor, or two: one to read and one to write.

As any `ISide` it hands what it reads to its receiver. Coupled with another of its kind it moves bytes itself: what comes is read into a
buffer that all share and sent on at once; a direction that keeps filling the buffer is spliced through a pipe; one that begins or ends at
a pipe, as a command's do, is spliced without another. Bytes are counted by what the system calls return.
"""

from __future__ import annotations

import os
from typing import Any, cast

from pipetwist.interfaces import IDescriptorSide, ISideReceiver
from pipetwist.kernel.delivery import Delivery
from pipetwist.kernel.descriptor import NOT_NOW, SPLICE_FLAGS
from pipetwist.kernel.pipe_ends import has_room
from pipetwist.kernel.poller import OUT
from pipetwist.transfer.causes import describe_error

__all__ = ["DescriptorSide"]

# A direction moves so much before the others of its batch get their turn.
TURN_BYTES = 1 << 20
# A spliced direction that moves less than this in a turn goes back to copying.
QUIET_BYTES = 1 << 15
# A direction of which so many reads in a row bring as much as this is busy, and a pipe is worth it.
BUSY_BYTES = 1 << 16
BUSY_READS = 2
# What is written to a side may wait up to so much before it says that it is crowded.
CROWDED_BYTES = 1 << 16

USUAL_PIPE_SIZE = 1 << 16  # pipe(7)
_HANG_UP = 0x10 | 0x8  # EPOLLHUP and EPOLLERR


class DescriptorSide(Delivery):
    """What sockets and commands have in common."""

    __slots__ = ()

    def ready(self, events: int) -> None:
        """Read, write, or notice that the peer has gone."""
        if events & OUT and self.waiting:
            self.flush()
        if events & ~OUT and not self.over:
            if self.wants_to_read():
                self.gone = bool(events & _HANG_UP)
                self.read()
            elif events & _HANG_UP:
                self.peer_gone()

    def peer_gone(self) -> None:
        """The peer has gone, while nothing is read from it."""
        if self.waiting:
            self.flush()
        if not self.over:
            if not self.closing:
                self.receiver.hung_up(self)
            self.watch()

    # Reading.

    def read(self) -> None:
        """Move what has come."""
        sink = self.sink
        if sink is None or sink.write_over or self.closing:
            self.copy(sink)
        elif self.is_pipe or sink.is_pipe:
            self.splice_straight(sink)
        elif self.busy_reads >= BUSY_READS:
            self.splice_through(sink)
        else:
            self.copy(sink)

    def copy(self, sink: Any) -> None:
        """Read once, and send it on at once; without a sink hand it to the receiver."""
        try:
            count = self.receive()
        except OSError as error:
            if error.errno not in NOT_NOW:
                self.broken(describe_error(error))
            return
        if not count:
            self.end_reading()
            return
        self.count_received(count)
        if not self.closing:
            if sink is None:
                self.receiver.data_received(self, bytes(self.kernel.buffer[:count]))
            else:
                self.send_on(sink, count)
        if self.unread is not None:
            self.read_of_rest(count)

    def send_on(self, sink: Any, count: int) -> None:
        """Deliver what was just read; a direction that stays busy is spliced from now on."""
        sink.take(count)
        if count < BUSY_BYTES:
            self.busy_reads = 0
        elif not (self.is_tcp and sink.is_tcp):
            self.busy_reads += 1

    def splice_through(self, sink: Any) -> None:
        """Move as much as a turn allows through a pipe, which the sink keeps as long as there is something in it, and no longer."""
        pipe = sink.pipe = self.kernel.pool.borrow()
        if pipe is None:
            self.copy(sink)
            return
        source = self.splice_from()
        moved = 0
        while moved < TURN_BYTES:
            try:
                count = os.splice(source, pipe.writing, TURN_BYTES - moved, flags=SPLICE_FLAGS)
            except OSError as error:
                if error.errno in NOT_NOW:
                    break
                sink.return_pipe()
                self.broken(describe_error(error))
                return
            if not count:
                # Splice says 0 at an end of file, and has said it elsewhere (3proxy/3proxy#853): a read decides.
                self.stop_splicing(sink)
                self.copy(sink)
                return
            pipe.held += count
            moved += count
            self.count_received(count)
            sink.drain()
            if sink.waiting or sink.write_over:
                return
        if moved < QUIET_BYTES:
            self.stop_splicing(sink)
        else:
            sink.return_pipe()

    def stop_splicing(self, sink: Any) -> None:
        """Go back to copying."""
        sink.return_pipe()
        self.busy_reads = 0

    def splice_straight(self, sink: Any) -> None:
        """Move as much as a turn allows between a pipe and something else."""
        moved = 0
        while moved < TURN_BYTES:
            try:
                count = os.splice(self.splice_from(), sink.splice_to(), self.unread or TURN_BYTES - moved, flags=SPLICE_FLAGS)
            except OSError as error:
                if error.errno in NOT_NOW:
                    if not moved:
                        self.splice_stopped(sink)
                # Which of the two has failed is not said, but of a pipe nothing else can be.
                elif self.is_pipe or isinstance(error, BrokenPipeError):
                    sink.cannot_write(error)
                else:
                    self.broken(describe_error(error))
                return
            if not count:
                self.copy(sink)
                return
            moved += count
            self.count_received(count)
            sink.count_delivered(count)
            if count >= USUAL_PIPE_SIZE:
                self.found_full()
            if self.unread is not None:
                self.read_of_rest(count)
                if self.read_over:
                    return

    def splice_stopped(self, sink: Any) -> None:
        """Nothing could be spliced, which mostly means that the sink is full.

        Where it is not, the source has something that is no byte, such as TCP's urgent data, and a read gets past it.
        """
        if has_room(sink.splice_to()):
            self.copy(sink)
        else:
            sink.wait()

    def found_full(self) -> None:
        """A pipe of the usual size was full: a larger one would save steps."""

    def read_of_rest(self, count: int) -> None:
        """So much was read of what may still be read."""
        if self.unread is not None and not self.read_over:
            self.unread -= count
            if self.unread <= 0:
                self.end_reading()

    def end_reading(self) -> None:
        """The peer sends nothing more."""
        self.read_over = True
        self.all_read()
        if self.over:
            return
        if self.gone:
            # Told of both at once, it need not be watched for the second.
            self.peer_gone()
        else:
            self.watch()

    # ISide.

    def attach(self, receiver: ISideReceiver) -> None:
        """See `ISide`."""
        self.receiver = receiver
        self.attached = True
        if self.over:
            self.receiver.lost(self, self.cause)

    def carry_to(self, sink: IDescriptorSide) -> None:
        """See `IDescriptorSide`."""
        self.sink = one_of_us = cast("DescriptorSide", sink)  # since it has the same carrier
        one_of_us.source = self
        if one_of_us.waiting:
            self.held_back = True
            self.watch()

    def write(self, data: bytes) -> None:
        """See `ISide`."""
        if self.write_over or self.finishing:
            return
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
            self.count_delivered(sent)
            if sent == len(data):
                return
            queue = self.queue = bytearray(view[sent:])
            self.wait()
        else:
            queue += data
        # Waiting ends a side that the kernel can't watch, and forgets the queue.
        if len(queue) > CROWDED_BYTES and not self.crowded and self.queue is queue:
            self.crowded = True
            self.receiver.crowded(self)

    def pause_reading(self) -> None:
        """See `ISide`."""
        if not self.paused and not self.closing:
            self.paused = True
            self.watch()

    def resume_reading(self) -> None:
        """See `ISide`."""
        if self.paused and not self.read_over:
            self.paused = False
            self.watch()

    def finish_writing(self) -> None:
        """See `ISide`."""
        if not self.write_over and not self.finishing:
            self.finishing = True
            if not self.waiting:
                self.end_writing()

    def discard_reading(self) -> None:
        """Read on, so that the peer is not stopped, and drop it."""
        if not self.read_over and not self.over:
            self.held_back = self.paused = False
            self.watch()
