"""What every side in the kernel has: its state, its figures, and what differs between sockets and commands."""

from __future__ import annotations

import errno
import os
from typing import Any

from pipetwist.interfaces import ICommand, ITracker, Medium
from pipetwist.kernel.pipe_pool import Pipe
from pipetwist.kernel.setting import KernelSetting

__all__ = ["NOT_NOW", "SPLICE_FLAGS", "Descriptor"]

# Applies to the pipe alone (splice(2)); sockets must not block.
SPLICE_FLAGS = getattr(os, "SPLICE_F_MOVE", 1) | getattr(os, "SPLICE_F_NONBLOCK", 2)
# What passes: the peer has no room or nothing to read, or the system has no memory for it, which Twisted takes for the same.
NOT_NOW = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM)


class Descriptor:
    """The state of a side. The methods that raise NotImplementedError are the kinds' own.

    Args:
        kernel: what it works with.
        tracker: counts what is read from here and delivered here; None for a side that is not counted.
    """

    __slots__ = (
        "attached",
        "busy_reads",
        "cause",
        "closing",
        "crowded",
        "delivered",
        "finishing",
        "gone",
        "held_back",
        "kernel",
        "over",
        "paused",
        "pipe",
        "queue",
        "read_over",
        "received",
        "receiver",
        "sink",
        "source",
        "tracker",
        "unread",
        "waiting",
        "write_over",
    )

    medium = Medium.STREAM
    dropped = 0
    command: ICommand | None = None
    half_closes = True
    notices_loss = False
    is_pipe = False
    """Whether bytes can be spliced straight to it and from it."""
    is_tcp = False
    """Whether it is a TCP socket. Between two of them the kernel splices page by page, and copying with a large buffer is quicker."""

    def __init__(self, kernel: KernelSetting, tracker: ITracker | None = None) -> None:
        self.kernel = kernel
        self.tracker = tracker
        self.receiver: Any = None
        self.attached = False
        self.received = 0
        self.delivered = 0
        self.sink: Any = None  # where bytes go that are read here, and
        self.source: Any = None  # where those come from that are written here: the other side
        # Reading.
        self.paused = True  # by whoever asked for it
        self.held_back = False  # by a sink that has no room
        self.read_over = False
        self.busy_reads = 0
        self.gone = False  # the peer, of whom something may be unread
        self.unread: int | None = None  # bytes that may still be read where there is a bound to them
        # Writing: what waits is in the queue or in the pipe.
        self.waiting = False
        self.crowded = False
        self.queue: bytearray | None = None
        self.pipe: Pipe | None = None
        self.finishing = False  # an end of file follows what waits
        self.write_over = False
        # The end.
        self.closing = False
        self.over = False
        self.cause = ""

    @property
    def carrier(self) -> object:
        """See `ISide`: the buffer and the poller, which two sides that move bytes together have in common."""
        return self.kernel

    @property
    def moved(self) -> int:
        """See `ISide`."""
        return self.delivered

    def wants_to_read(self) -> bool:
        """Whether what comes is to be read now."""
        return not (self.paused or self.held_back or self.read_over)

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

    def receive(self) -> int:
        """Read into the shared buffer; 0 is an end of file."""
        raise NotImplementedError

    def send(self, data: memoryview | bytearray) -> int:
        """Write what the system takes."""
        raise NotImplementedError

    def splice_from(self) -> int:
        """The descriptor to read."""
        raise NotImplementedError

    def splice_to(self) -> int:
        """The descriptor to write."""
        raise NotImplementedError

    def watch(self) -> None:
        """Tell the poller what is wanted now: to read if `wants_to_read`, to write while `waiting`."""
        raise NotImplementedError

    def shut(self) -> None:
        """Send the end of file."""
        raise NotImplementedError

    def all_read(self) -> None:
        """There is nothing more to read."""
        raise NotImplementedError

    def all_delivered(self) -> None:
        """The end of file has gone out after everything else."""
        raise NotImplementedError

    def unwritable(self, error: OSError) -> None:
        """Nothing more can be delivered."""
        raise NotImplementedError

    def broken(self, cause: str) -> None:
        """Nothing more can be read, though there was no end of file."""
        raise NotImplementedError
