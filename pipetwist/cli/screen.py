"""A terminal's whole screen, for a view that is drawn again and again. It is restored however the
view ends.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console, RenderableType
from rich.live import Live

from pipetwist.cli.keyboard import Keyboard

__all__ = ["Screen", "whole_screen"]


class Screen:
    """The screen and the keyboard, made by `whole_screen`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._keyboard = Keyboard()

    @property
    def height(self) -> int:
        """How many lines it has now."""
        return self._console.size.height

    @property
    def width(self) -> int:
        """How many columns of characters it has now."""
        return self._console.size.width

    def draw(self, view: RenderableType) -> None:
        """Show this and nothing else."""
        self._live.update(view, refresh=True)

    def wait(self, seconds: float) -> str:
        """Wait for a key; see `Keyboard`."""
        return self._keyboard.wait(seconds)

    def enter(self) -> None:
        """Switch to the whole screen."""
        self._keyboard.start()
        self._live.start()

    def leave(self) -> None:
        """Restore the terminal."""
        self._live.stop()
        self._keyboard.stop()

    def suspend(self, number: int, frame: object) -> None:
        """Restore the terminal while the command is stopped (Ctrl-Z)."""
        self.leave()
        os.kill(os.getpid(), signal.SIGSTOP)  # continues here when the shell continues the command
        self.enter()


@contextmanager
def whole_screen() -> Iterator[Screen]:
    """Use the whole screen as long as the context lasts."""
    screen = Screen(Console(highlight=False))
    screen.enter()
    try:
        signal.signal(signal.SIGTERM, _end)
        if hasattr(signal, "SIGTSTP"):
            signal.signal(signal.SIGTSTP, screen.suspend)
        yield screen
    finally:
        screen.leave()


def _end(number: int, frame: object) -> NoReturn:
    # The exit status that a shell has for a command that a signal has ended; the screen is restored
    # before.
    sys.exit(128 + number)
