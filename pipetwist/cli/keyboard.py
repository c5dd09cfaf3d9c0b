"""Reads single keys from a terminal, when they are pressed."""

from __future__ import annotations

import os
import select
import sys
import time
from typing import Any

if sys.platform != "win32":  # which has neither
    import termios
    import tty

__all__ = ["Keyboard"]


class Keyboard:
    """Standard input, read key by key from `start` to `stop`. If it is not a terminal there are no
    keys.
    """

    def __init__(self) -> None:
        self._modes: list[Any] | None = None  # as termios says it

    def start(self) -> None:
        """Read keys without waiting for the end of a line, and don't echo them. Ctrl-C and Ctrl-Z
        work as usual.
        """
        if sys.platform != "win32" and sys.stdin.isatty():
            self._modes = termios.tcgetattr(sys.stdin.fileno())
            tty.setcbreak(sys.stdin.fileno())

    def stop(self) -> None:
        """Restore the terminal."""
        if sys.platform != "win32" and self._modes is not None:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._modes)
            self._modes = None

    def wait(self, seconds: float) -> str:
        """Wait for a key.

        Args:
            seconds: how long.

        Returns:
            The key; empty if none was pressed in that time.
        """
        if self._modes is None:
            time.sleep(seconds)
            return ""
        pressed, _, _ = select.select([sys.stdin], [], [], seconds)
        if not pressed:
            return ""
        key = os.read(sys.stdin.fileno(), 1)
        if not key:  # the terminal is gone
            raise KeyboardInterrupt
        return key.decode("ascii", "replace")
