"""Where lines go that no file of ours takes: a descriptor such as standard output."""

from __future__ import annotations

import os
import select
from typing import IO

from pipetwist.logs.writer import Output, Written

__all__ = ["DescriptorOutput", "StreamOutput", "output_to", "write_all"]


def write_all(descriptor: int, data: bytes) -> Written:
    """Write to a descriptor, and wait for one that does not block as for any other: it may be
    shared with who made it so.
    """
    left = memoryview(data)
    try:
        while left:
            left = left[_write(descriptor, left) :]
    except OSError as error:
        return Written(len(data) - len(left), error)
    return Written(len(data))


def _write(descriptor: int, data: memoryview) -> int:
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        poll.poll()
        return 0


class DescriptorOutput:
    """A pipe, a terminal, or a file that somebody else has opened.

    Args:
        descriptor: where to write.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes) -> Written:
        return write_all(self._descriptor, data)

    def rotate(self) -> None:
        """See `Output`: it is somebody else's to do."""


class StreamOutput:
    """A stream of Python's that has no descriptor.

    Args:
        stream: takes text.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, data: bytes) -> Written:
        self._stream.write(data.decode("utf-8"))
        self._stream.flush()
        return Written(len(data))

    def rotate(self) -> None:
        pass


def output_to(stream: IO[str]) -> Output:
    """Write where a stream writes, past its buffer."""
    stream.flush()
    try:
        return DescriptorOutput(stream.fileno())
    except (AttributeError, OSError):
        return StreamOutput(stream)
