"""A terminal's whole screen, for a view that is drawn again and again; left as it was found,
however the view ends.
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
    """The screen and the keyboard. To be had from `whole_screen`."""

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
        """Take the screen."""
        self._keyboard.start()
        self._live.start()

    def leave(self) -> None:
        """Give it back."""
        self._live.stop()
        self._keyboard.stop()

    def suspend(self, number: int, frame: object) -> None:
        """Give the screen back while the shell has stopped the command (Ctrl-Z)."""
        self.leave()
        os.kill(os.getpid(), signal.SIGSTOP)  # goes on here when the shell continues it
        self.enter()


@contextmanager
def whole_screen() -> Iterator[Screen]:
    """Take the screen for as long as the context lasts."""
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
    # As a shell says it of a command that a signal ended; the screen is given back on the way.
    sys.exit(128 + number)
