"""Commands as sides, for tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from pipetwist.interfaces import IProcess
from pipetwist.kernel.process_side import KernelProcessSide
from pipetwist.testing import RecordingReceiver
from tests.support.loop import KernelCase

__all__ = ["GRACE", "CommandCase"]

GRACE = 5.0


class CommandCase(KernelCase):
    """Tests of commands."""

    def setUp(self) -> None:
        """Have nothing logged yet, and nothing ended."""
        super().setUp()
        self.lines: list[str] = []
        self.ended: list[KernelProcessSide] = []

    def start(self, *command: str) -> KernelProcessSide:
        """Start one; the test's clean-up ends it."""
        side = KernelProcessSide(
            self.kernel, command, {"PATH": os.environ["PATH"]}, GRACE, self._log, self.ended.append
        )
        self.addCleanup(self._end, side)
        return side

    def command(self, *command: str) -> tuple[KernelProcessSide, RecordingReceiver]:
        """Start one, and attach a receiver; the test's clean-up ends it."""
        side = self.start(*command)
        receiver = RecordingReceiver()
        side.attach(receiver)
        return side, receiver

    def shell(self, script: str) -> tuple[KernelProcessSide, RecordingReceiver]:
        """Start a script."""
        return self.command("/bin/sh", "-c", script)

    def says(self, side: KernelProcessSide, receiver: RecordingReceiver, data: bytes) -> None:
        """Read until it has said this and nothing else."""
        side.resume_reading()
        self.loop.until(lambda: len(receiver.data) >= len(data), f"{data!r}")
        self.assertEqual(receiver.data, data)

    def heard(self, receiver: RecordingReceiver, *events: str) -> Callable[[], bool]:
        """Whether a receiver has heard these, in this order, and nothing else but that a command
        has exited before it was read.
        """
        return lambda: [event for event in receiver.heard if event != "peer_closed"] == list(events)

    def lost(self, receiver: RecordingReceiver) -> Callable[[], bool]:
        """Whether a receiver has heard of the end of its side."""
        return lambda: receiver.heard[-1:] == ["lost"]

    def crowd(self, side: KernelProcessSide, receiver: RecordingReceiver) -> int:
        """Write to one that does not read until its pipe is full; returns how much that was."""
        written = 0
        for _ in self.loop.rounds("it to be crowded"):
            if receiver.heard == ["pause_writing"]:
                break
            side.write(bytes(100_000))
            written += 100_000
        return written

    def number(self, side: KernelProcessSide) -> int:
        """A command's process."""
        assert side._state.pid is not None
        return side._state.pid

    def _end(self, side: KernelProcessSide) -> None:
        # Whatever the test has made of it, stopped or deaf.
        if side._state.pid is not None:
            os.killpg(side._state.pid, signal.SIGKILL)
        side.abort()
        self.loop.until(lambda: side in self.ended, "the command's end")

    def _log(self, command: IProcess, line: str) -> None:
        self.lines.append(line)
