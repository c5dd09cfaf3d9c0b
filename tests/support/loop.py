"""A reactor that turns when a test says so, and what a test of descriptors needs besides."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from twisted.internet.interfaces import IReactorFDSet
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.kernel.context import KernelContext
from pipetwist.kernel.pipe_pool import PipePool
from pipetwist.kernel.poller import Poller
from tests.support.memory_transport import TurningReactor, ready

__all__ = ["KernelCase", "Loop", "open_descriptors", "take_all"]

_MAX_TURNS = 1000
_TCP_BUFFER = 1 << 17


class Loop(TurningReactor):
    """Time stands still in it but for what a test advances, or waits."""

    def settle(self) -> None:
        """Turn until there is nothing to do.

        Raises:
            AssertionError: there always is.
        """
        for _ in range(_MAX_TURNS):
            if not self.turn():
                return
        message = f"it is not done after {_MAX_TURNS} turns"
        raise AssertionError(message)

    def rounds(self, what: str, seconds: float = 60.0) -> Iterator[None]:
        """Settle before each round of a loop that a test leaves when it has what it waits for.

        Raises:
            AssertionError: it has not left in time.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.settle()
            yield
        message = f"waited {seconds:g} s for {what}"
        raise AssertionError(message)

    def until(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        """Turn, and let time go on, until the condition holds.

        Raises:
            AssertionError: it did not hold in time.
        """
        end = time.monotonic() + seconds
        while not condition():
            before = time.monotonic()
            if before > end:
                message = f"waited {seconds:g} s for {what}"
                raise AssertionError(message)
            readers: list[Any] = list(self.readers)
            ready(readers, [], 0.01)
            self.turn()
            self.advance(time.monotonic() - before)


class KernelCase(SynchronousTestCase):
    """A test with a poller and a pool of its own, which must all have been given back by its
    end.
    """

    pipes = 4

    def setUp(self) -> None:
        """Make them."""
        self.before = open_descriptors()
        self.loop = Loop()
        descriptors = cast("IReactorFDSet", self.loop)
        self.kernel = KernelContext(self.loop, Poller(descriptors), PipePool(self.pipes))
        # Clean-ups run in reverse order: what a test opens is closed before this is looked at.
        self.addCleanup(self._is_clean)

    def pair(self, family: int = socket.AF_UNIX) -> tuple[socket.socket, socket.socket]:
        """Two connected sockets, the second of which does not block; the test's clean-up closes
        them.
        """
        if family == socket.AF_UNIX:
            near, far = socket.socketpair()
        else:
            with socket.create_server(("127.0.0.1", 0)) as server:
                far = socket.create_connection(server.getsockname())
                near = server.accept()[0]
            # A unix socket has as little; without a bound megabytes are underway.
            for end in (near, far):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _TCP_BUFFER)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _TCP_BUFFER)
        far.setblocking(False)
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        return near, far

    def take_until(self, end: socket.socket, condition: Callable[[], object], what: str) -> bytes:
        """Take what comes at a socket that does not block, until the condition holds."""
        taken = b""
        for _ in self.loop.rounds(what):
            taken += take_all(end)
            if condition():
                break
        return taken + take_all(end)

    def _is_clean(self) -> None:
        self.assertEqual(self.kernel.pool.lent, 0)
        self.assertEqual(self.kernel.poller._told, {})
        self.assertEqual(self.loop.getDelayedCalls(), [])
        self.kernel.close()
        self.assertEqual(open_descriptors() - self.before, set())


def open_descriptors() -> set[tuple[int, str]]:
    """The numbers of this process's descriptors, each with what it is of.

    What is left of a test is what it has more than before. What it has less may be garbage of
    earlier ones, or gRPC's, which closes descriptors when it likes.
    """
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        # Not there any more are the one that they are read with, and what another thread closed.
        with suppress(FileNotFoundError):
            found.add((int(path.name), str(path.readlink())))
    return found


def take_all(end: socket.socket) -> bytes:
    """What waits at a socket that does not block; nothing at the end of file as well."""
    taken = bytearray()
    while True:
        try:
            data = end.recv(1 << 20)
        except BlockingIOError:
            return bytes(taken)
        if not data:
            return bytes(taken)
        taken += data
