"""Talking with a running program by its standard input and output, in small pieces, as a person at
a terminal does.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

__all__ = ["Talk"]


class Talk:
    """A program with pipes to it; the test's clean-up ends it.

    Args:
        case: the test.
        command: the program and its arguments.
    """

    def __init__(self, case: SynchronousTestCase, command: Sequence[str]) -> None:
        self._process = process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

        def end() -> None:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.kill()
            process.wait(60)

        case.addCleanup(end)

    def say(self, data: bytes) -> None:
        """Write to the program."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    def finish(self) -> None:
        """Close the program's standard input."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def hear(self, size: int, seconds: float = 60.0) -> bytes:
        """Read so many bytes, or fewer where the program ends its output before.

        Raises:
            TimeoutError: they did not come in time.
        """
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        end = time.monotonic() + seconds
        heard = b""
        while len(heard) < size:
            ready, _, _ = select.select([output], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                message = f"waited {seconds:.0f} s for {size} bytes, and heard {heard!r}"
                raise TimeoutError(message)
            piece = os.read(output, size - len(heard))
            if not piece:
                break
            heard += piece
        return heard

    def wait(self, seconds: float = 60.0) -> int:
        """Wait for the program's end.

        Returns:
            Its exit status.
        """
        return self._process.wait(seconds)
