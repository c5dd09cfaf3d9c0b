"""A terminal that shows what a person would see: a window of tmux, with a shell in it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.command_line import PROGRAM
from tests.support.daemon import daemon_environment
from tests.support.peers import need
from tests.support.scratch import wait_until

__all__ = ["TmuxWindow"]

_SECONDS = 60.0


class TmuxWindow:
    """The window; the test's clean-up ends it with everything in it.

    Args:
        case: the test.
        folder: its scratch folder.
        columns: how wide it is.
        lines: how high.
    """

    def __init__(
        self, case: SynchronousTestCase, folder: Path, *, columns: int = 120, lines: int = 24
    ) -> None:
        self._told = [need("tmux"), "-S", str(folder / "tmux.sock"), "-f", os.devnull]
        inherited = {**daemon_environment(), "TERM": "xterm-256color", "TMUX": ""}
        self._environment = {**inherited, "LC_ALL": "C.UTF-8", "ENV": "", "PS1": "$ "}
        size = ["-x", str(columns), "-y", str(lines)]
        self._tell("new-session", "-d", *size, "sh", "-i")
        case.addCleanup(self._tell, "kill-server")

    def run(self, *arguments: str) -> None:
        """Type the command pipetwist with these arguments into the shell."""
        self.press("-l", shlex.join([*PROGRAM, *arguments]))
        self.press("Enter")

    def press(self, *keys: str) -> None:
        """Press keys, as tmux(1) names them."""
        self._tell("send-keys", *keys)

    def resize(self, columns: int, lines: int) -> None:
        """Make it another size."""
        self._tell("resize-window", "-x", str(columns), "-y", str(lines))

    @property
    def lines(self) -> list[str]:
        """What it shows."""
        return self._tell("capture-pane", "-p").splitlines()

    def wait_for(self, text: str, condition: Callable[[str], bool] | None = None) -> str:
        """Wait until it shows a text, or else fulfils a condition; return what it shows."""

        def is_there() -> bool:
            shown = "\n".join(self.lines)
            return condition(shown) if condition is not None else text in shown

        try:
            wait_until(is_there, text)
        except BaseException as error:
            message = f"waited for {text!r}; the terminal shows:\n" + "\n".join(self.lines)
            raise AssertionError(message) from error
        return "\n".join(self.lines)

    def _tell(self, *command: str) -> str:
        return subprocess.run(
            [*self._told, *command],
            check=True,
            timeout=_SECONDS,
            env=self._environment,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        ).stdout
