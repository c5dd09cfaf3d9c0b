"""Reading a command's standard error from its pipe."""

from __future__ import annotations

import os

from pipetwist.kernel import process_stderr
from pipetwist.kernel.process_stderr import ProcessStderr
from pipetwist.process.standard_error import StandardErrorLines
from tests.support.loop import KernelCase


class RestTest(KernelCase):
    """What is left in the pipe when the command has exited."""

    def test_read_by_another(self) -> None:
        """If a descendant reads some of it too, what is there is logged, and that is all."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, writing)
        os.set_blocking(reading, False)
        logged: list[str] = []
        lines = StandardErrorLines(self.loop, logged.append)
        errors = ProcessStderr(self.kernel.poller, reading, lines, lambda: None)
        os.write(writing, b"last words\n")
        self.patch(process_stderr, "held_bytes", lambda descriptor: 1000)
        errors.read_rest()
        self.assertEqual((logged, errors.over), (["last words"], True))
