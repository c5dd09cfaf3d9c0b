"""A command's standard error, read for the log while the command runs."""

from __future__ import annotations

import os
from collections.abc import Callable

from pipetwist.kernel.poller import IN, Poller
from pipetwist.process.pipe_ends import held_bytes
from pipetwist.process.standard_error import StandardErrorLines

__all__ = ["ProcessStderr"]

_READ_SIZE = 1 << 16


class ProcessStderr:
    """Reads one command's standard error.

    Args:
        poller: tells of what comes.
        descriptor: the end to read.
        lines: takes what is read.
        ended: called when the command, and whoever else had it, has closed it.
    """

    __slots__ = ("_descriptor", "_ended", "_lines", "_poller")

    def __init__(
        self, poller: Poller, descriptor: int, lines: StandardErrorLines, ended: Callable[[], None]
    ) -> None:
        self._poller = poller
        self._descriptor = descriptor
        self._lines = lines
        self._ended: Callable[[], None] | None = ended
        poller.add(descriptor, self, IN)

    def __repr__(self) -> str:
        return "<ProcessStderr over>" if self.over else f"<ProcessStderr fd={self._descriptor}>"

    @property
    def over(self) -> bool:
        """Whether nothing more is read."""
        return self._descriptor < 0

    def ready(self, events: int) -> None:
        """Read once."""
        try:
            data = os.read(self._descriptor, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._lines.data_received(data)
        else:
            self._end()

    def failed(self) -> None:
        self._end()

    def read_rest(self) -> None:
        """The command has exited: read what there is now, and no more."""
        if self.over:
            return
        left = held_bytes(self._descriptor)
        while left > 0:
            try:
                data = os.read(self._descriptor, min(left, _READ_SIZE))
            except BlockingIOError:
                break  # somebody else reads it too, as a descendant may through /dev/stderr
            left -= len(data)
            self._lines.data_received(data)
        self.close()

    def close(self) -> None:
        """Read no more."""
        if not self.over:
            self._poller.remove(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            # Whoever is to be called holds this: a circle less for the collector to find.
            self._ended = None
            self._lines.ended()

    def _end(self) -> None:
        ended = self._ended
        self.close()
        if ended is not None:
            ended()
