"""What the two halves of a side in the kernel ask of the side, and of the half at the other side
that they work with.
"""

from __future__ import annotations

from typing import Protocol

from pipetwist.interfaces import AnySideReceiver, ITracker
from pipetwist.kernel.context import KernelContext
from pipetwist.kernel.pipe_pool import Pipe
from pipetwist.transfer.ending import Ending

__all__ = ["Owner", "Sink", "Source"]


class Owner(Protocol):
    """The side that a half belongs to."""

    kernel: KernelContext
    ending: Ending
    """Where it is."""
    receiver: AnySideReceiver
    tracker: ITracker | None
    received: int
    delivered: int

    def count_received(self, count: int) -> None:
        """So many bytes were read."""

    def count_delivered(self, count: int) -> None:
        """So many bytes were taken by the system."""

    def watch(self) -> None:
        """Tell the poller what is wanted now: to read if the reader wants to, to write while
        something waits.
        """

    def all_read(self) -> None:
        """There is nothing more to read."""

    def broken(self, reason: str) -> None:
        """Nothing more can be read, though there was no end of file."""

    def drained(self) -> None:
        """Everything is delivered, and an end has been asked for."""

    def unwritable(self, error: OSError) -> None:
        """Nothing more can be delivered."""

    def ready(self, events: int) -> None:
        pass

    def failed(self) -> None:
        pass


class Source(Protocol):
    """Where bytes come from: what a writer asks of a reader."""

    def hold(self) -> None:
        """The sink has no room: read nothing more for now."""

    def release(self) -> None:
        """The sink has room again."""


class Sink(Protocol):
    """Where bytes go to: what a reader asks of a writer."""

    waiting: bool
    """Whether something waits, and the source is to be held back."""
    takes_splices: bool
    """Whether bytes can get to it that nobody has looked at."""

    @property
    def is_pipe(self) -> bool:
        """Whether anything can be spliced straight to it."""

    @property
    def side(self) -> Owner:
        """Whose half it is."""

    def fed_by(self, source: Source) -> None:
        """Hold this source back while something waits."""

    def take(self, count: int) -> None:
        """Deliver so much of the shared buffer."""

    def fileno(self) -> int:
        """The descriptor to splice to."""

    def borrow_pipe(self) -> Pipe | None:
        """A pipe whose bytes `drain` delivers; None where there is none to be had."""

    def drain(self) -> None:
        """Deliver what is in the pipe."""

    def return_pipe(self) -> None:
        """Give the pipe back to the pool, with it what it holds."""

    def wait(self) -> None:
        """There is no room: go on when there is, and hold the source back until then."""

    def cannot_write(self, error: OSError) -> None:
        """The peer takes nothing more. What is read for it is dropped from now on."""
