"""Outputs of the log other than our own file: descriptors such as standard output."""

from __future__ import annotations

import os
import select
from typing import IO

from pipetwist.logs.writer import Output, Written

__all__ = ["DescriptorOutput", "StreamOutput", "output_to", "write_all"]


def write_all(descriptor: int, data: bytes) -> Written:
    """Write everything to a descriptor. If it is non-blocking, wait until it is writable: it may be
    shared with a process that made it so.
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
        descriptor: the descriptor to write to.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes) -> Written:
        return write_all(self._descriptor, data)

    def rotate(self) -> None:
        """See `Output`: its owner has to do that."""


class StreamOutput:
    """A Python stream without a descriptor.

    Args:
        stream: accepts text.
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
    """The output behind a stream, without its buffer."""
    stream.flush()
    try:
        return DescriptorOutput(stream.fileno())
    except (AttributeError, OSError):
        return StreamOutput(stream)
