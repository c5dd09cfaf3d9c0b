"""Calling the command as people do: its exit status and what it says, with and without a
terminal.
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from fcntl import ioctl
from io import StringIO
from types import MappingProxyType

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.main import main
from tests.support.daemon import daemon_environment

__all__ = ["PROGRAM", "TerminalCall", "call", "plain"]

PROGRAM = (sys.executable, "-c", "from pipetwist.cli.main import main; main(prog_name='pipetwist')")
"""The command, in a process of its own."""

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>])|\r")


def call(*arguments: str) -> tuple[int | str | None, str, str]:
    """Call the command in this process.

    Returns:
        Exit status, standard output and standard error.
    """
    with redirect_stdout(StringIO()) as output, redirect_stderr(StringIO()) as errors:
        try:
            main.main(arguments, prog_name="pipetwist")
        except SystemExit as end:
            return end.code, output.getvalue(), errors.getvalue()
    raise AssertionError


def plain(text: str) -> str:
    """A terminal's text without what steers the terminal."""
    return _ESCAPES.sub("", text)


class TerminalCall:
    """The command on a terminal of 24 lines, in a process of its own that the
    test's clean-up ends.

    Args:
        case: the test.
        arguments: of the command.
        environment: variables over this process's own; they say nothing of colours unless these do.
        columns: how wide the terminal is.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        arguments: Sequence[str],
        environment: Mapping[str, str] = MappingProxyType({}),
        *,
        columns: int = 100,
    ) -> None:
        self.text = ""
        """Everything that it has written so far."""
        self._master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        inherited = {
            name: value
            for name, value in daemon_environment().items()
            if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"}
        }
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *PROGRAM, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**inherited, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment},
        )
        self._slave = slave
        case.addCleanup(self._end)

    @property
    def modes(self) -> list[object]:
        """How the terminal treats what is typed (termios(3)): the local modes."""
        return [termios.tcgetattr(self._slave)[3]]

    def set_modes(self, modes: list[object]) -> None:
        """Have the local modes be what they were."""
        now = termios.tcgetattr(self._slave)
        (now[3],) = modes
        termios.tcsetattr(self._slave, termios.TCSANOW, now)

    def resize(self, columns: int, lines: int) -> None:
        """Make the terminal another size, of which it tells the command by a signal."""
        ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._master, text.encode())

    def wait_for(self, condition: Callable[[str], bool], what: str, seconds: float = 60.0) -> None:
        """Read until the text fulfils a condition.

        Raises:
            TimeoutError: it does not in time.
        """
        end = time.monotonic() + seconds
        while not condition(self.text):
            if time.monotonic() > end:
                message = (
                    f"waited {seconds:.0f} s for {what}; the terminal has at "
                    f"last:\n{plain(self.text)[-2000:]}"
                )
                raise TimeoutError(message)
            self._read(0.05)

    def status(self, seconds: float = 60.0) -> int:
        """Wait for the command's end.

        Returns:
            Its exit status.
        """
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > end:
                message = (
                    f"the command did not end within {seconds:.0f} s; the terminal has at "
                    f"last:\n{plain(self.text)[-2000:]}"
                )
                raise TimeoutError(message)
            self._read(0.05)
        self._read(0)
        return self.process.wait(seconds)

    def _read(self, seconds: float) -> None:
        while select.select([self._master], [], [], seconds)[0]:
            self.text += os.read(self._master, 65536).decode("utf-8", "replace")
            seconds = 0

    def _end(self) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)
        os.close(self._master)
        os.close(self._slave)
