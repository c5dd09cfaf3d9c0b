"""A side of a connection that is a kernel descriptor, or two: a `Reader`, a `Writer`, and what
binds them to the connection.

As any `ISide` it hands what it reads to its receiver. Coupled with another of its kind its reader
hands it to the other's writer.
"""

from __future__ import annotations

from typing import Any

from pipetwist.interfaces import AnySideReceiver, IDescriptorSide, IFlow, IProcess, ITracker, Medium
from pipetwist.kernel.context import KernelContext
from pipetwist.kernel.limited_reader import limit_reader
from pipetwist.kernel.poller import OUT
from pipetwist.kernel.reader import Reader
from pipetwist.kernel.writer import Writer
from pipetwist.transfer.ending import BEGINNING, DRAINED, FINISH, Step
from pipetwist.transfer.ending_side import EndingSide

__all__ = ["DescriptorSide"]

_PEER_CLOSED = 0x10 | 0x8  # EPOLLHUP and EPOLLERR


class DescriptorSide(EndingSide):
    """What sockets and commands have in common. The methods that raise NotImplementedError are the
    kinds' own.

    Args:
        kernel: what it works with.
        reader: makes its reading half.
        writer: makes its writing half.
        tracker: counts what is read from here and delivered here; None for a side that is not
            counted.
    """

    __slots__ = ("delivered", "kernel", "reader", "received", "tracker", "writer")

    medium = Medium.STREAM
    dropped = 0
    process: IProcess | None = None
    half_closes = True
    notices_loss = False

    def __init__(
        self,
        kernel: KernelContext,
        reader: type[Reader] = Reader,
        writer: type[Writer] = Writer,
        tracker: ITracker | None = None,
    ) -> None:
        self.kernel = kernel
        self.tracker = tracker
        self.receiver = None
        self.ending = BEGINNING
        self.received = 0
        self.delivered = 0
        self.reason = ""
        self.reader = reader(self)
        self.writer = writer(self)

    @property
    def carrier(self) -> object:
        """See `ISide`: the buffer and the poller, which two sides that move bytes together have in
        common.
        """
        return self.kernel

    @property
    def moved(self) -> int:
        return self.delivered

    def count_received(self, count: int) -> None:
        """So many bytes were read."""
        self.received += count
        if self.tracker is not None:
            self.tracker.uplink(count)

    def count_delivered(self, count: int) -> None:
        """So many bytes were taken by the system."""
        self.delivered += count
        if self.tracker is not None:
            self.tracker.downlink(count)

    # What the halves tell, and the kinds answer.

    def watch(self) -> None:
        """Tell the poller what is wanted now: to read if the reader wants to, to write while
        something waits.
        """
        raise NotImplementedError

    def all_read(self) -> None:
        """There is nothing more to read."""
        raise NotImplementedError

    def broken(self, reason: str) -> None:
        """Nothing more can be read, though there was no end of file."""
        raise NotImplementedError

    def unwritable(self, error: OSError) -> None:
        """Nothing more can be delivered."""
        raise NotImplementedError

    def failed(self) -> None:
        raise NotImplementedError

    def follow(self, step: Step) -> None:
        """Do what this step asks for."""
        raise NotImplementedError

    def drained(self) -> None:
        """Everything is delivered, and an end has been asked for."""
        self.follow(self.hear(DRAINED))

    # Its descriptor's events.

    def ready(self, events: int) -> None:
        """See `pipetwist.kernel.poller.Pollable`: read, write, or notice that the peer has gone."""
        if events & OUT and self.writer.waiting:
            self.writer.flush()
        if events & ~OUT and not self.ending.over:
            reader = self.reader
            if not (reader.paused or reader.held_back) and self.ending.reads:
                reader.read()
                if self.ending.reads or self.ending.over:
                    return
                if not events & _PEER_CLOSED:
                    self.watch()
                    return
                # Told of both at once, it need not be watched for the second.
            if events & _PEER_CLOSED:
                self.peer_gone()

    def peer_gone(self) -> None:
        """The peer has gone, while nothing is read from it."""
        if self.writer.waiting:
            self.writer.flush()
        if not self.ending.over:
            if not self.ending.closing:
                self.receiver.peer_closed(self)
            self.watch()

    # ISide.

    def carry_to(self, sink: IDescriptorSide) -> None:
        other: Any = sink  # one of these, since it has the same carrier
        if not (self.ending.over or other.ending.over):
            self.reader.hand_to(other.writer)

    def limit(self, flow: IFlow | None, *, since_start: bool, paused: bool = False) -> None:
        """See `ILimitedSide`: another reader takes the place of the one that it has."""
        if not self.ending.over:
            if flow is not None and since_start:
                flow.charge(self.received)
            limit_reader(self, flow)

    def write(self, data: bytes) -> None:
        if self.ending.writable:
            self.writer.write(data)

    def pause_reading(self) -> None:
        """See `ISide`; the poller is asked to watch for the peer's end, if it was not before."""
        if not self.ending.closing:
            self.reader.paused = True
            self.watch()

    def resume_reading(self) -> None:
        if self.ending.reads and self.reader.paused:
            self.reader.paused = False
            self.watch()

    def write_eof(self) -> None:
        if self.ending.writable:
            self.hear(FINISH)
            self.writer.finish()

    def part(self) -> AnySideReceiver:
        """It is over: drop what waits, and let go of what holds it as well, in circles that the
        collector would have to find.

        Returns:
            Its receiver, for the last that there is to tell; None where it has none.
        """
        receiver, self.receiver = self.receiver, None
        writer = self.writer
        writer.queue = None
        if writer.pipe is not None:
            writer.return_pipe()
        if writer.source is not None:
            writer.release_source()
        self.reader.sink = writer.source = None
        del self.reader, self.writer
        return receiver

    # What can be seen of it.

    @property
    def held(self) -> bool:
        return self.reader.paused or self.reader.held_back

    @property
    def waits(self) -> str:
        if self.ending.over:
            return ""
        held = 0 if self.writer.pipe is None else self.writer.pipe.held
        waiting = len(self.writer.queue or b"") + held
        return f"{waiting} queued" if waiting else ""
