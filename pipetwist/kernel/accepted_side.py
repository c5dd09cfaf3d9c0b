"""The side of a client that has come by a unix socket, and may have passed descriptors with its
first bytes.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from pipetwist.interfaces import ITracker
from pipetwist.kernel.context import KernelContext
from pipetwist.kernel.limited_reader import LimitedReader
from pipetwist.kernel.reader import Reader
from pipetwist.kernel.socket_side import LimitedSocketReader, SocketReader, SocketSide

__all__ = ["FirstReader", "accepted_side", "first_reader"]

_DONT_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))
_PASS_CREDENTIALS = int(getattr(socket, "SO_PASSCRED", 16))
_TRUNCATED = int(getattr(socket, "MSG_CTRUNC", 8))


class FirstReader(SocketReader):
    """Reads once, and tells then whether descriptors came with it. From then on it is a
    `SocketReader`, so that no later read costs more.
    """

    __slots__ = ()
    after: type[Reader] = SocketReader
    """What it is from then on."""
    own_limited: type[Reader] | None = None
    """What `limited` has made: each inbound has a class of its own."""

    @classmethod
    def limited(cls) -> type[Reader]:
        if cls.own_limited is None:
            bases: Any = (LimitedFirstReader, cls)  # mypy can't tell what a class has that is made
            cls.own_limited = type("LimitedFirstReader", bases, {})
        return cls.own_limited

    @staticmethod
    def passed() -> None:
        """Descriptors have come with the first bytes; they are closed."""

    def read(self) -> None:
        self.copy()  # splicing tells nothing

    def receive(self, most: int | None = None) -> int:
        """Read, at most so many bytes, and be another reader from then on."""
        side, passed = self.side, self.passed
        buffer = side.kernel.buffer if most is None else side.kernel.buffer[:most]
        # For descriptors there is no room: the kernel closes them, and tells that.
        count, _, flags, _ = side.socket.recvmsg_into((buffer,), 0, _DONT_WAIT)
        this: Any = self  # mypy has an object's class unchangeable
        this.__class__ = self.after  # both have the same slots
        # With this option there is always something that there is no room for: a unit of systemd's
        # may have set it (PassCredentials=).
        if flags & _TRUNCATED and not side.socket.getsockopt(socket.SOL_SOCKET, _PASS_CREDENTIALS):
            passed()
        return count


class LimitedFirstReader(LimitedReader, FirstReader):
    """Reads once, as much as it may, and tells then whether descriptors came with it."""

    free = SocketReader
    after = LimitedSocketReader

    def receive(self, most: int | None = None) -> int:
        return FirstReader.receive(self, self.turn_bytes)


def first_reader(passed: Callable[[], None]) -> type[FirstReader]:
    """The class of readers that call this where descriptors have come with the first bytes.

    It is a class of its own, and not a side's attribute: a side of another class than the others
    would cost every connection what Python knows of their attributes.
    """
    return type("FirstReader", (FirstReader,), {"__slots__": (), "passed": staticmethod(passed)})


def accepted_side(
    kernel: KernelContext,
    connected: socket.SocketType,
    tracker: ITracker | None,
    reader: type[FirstReader],
) -> SocketSide:
    """A client's unix socket as a side.

    Args:
        kernel: what it works with.
        connected: the socket.
        tracker: counts what is read from here and delivered here.
        reader: what `first_reader` returns.
    """
    side = SocketSide(kernel, connected, tracker)
    first: Any = side.reader  # mypy has an object's class unchangeable
    first.__class__ = reader
    return side
