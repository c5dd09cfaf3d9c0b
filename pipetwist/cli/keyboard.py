"""Single keys from a terminal, as they are pressed."""

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
    """Standard input, of which keys come one by one from `start` to `stop`. Where it is no terminal
    none come.
    """

    def __init__(self) -> None:
        self._modes: list[Any] | None = None  # as termios says it

    def start(self) -> None:
        """Take keys without waiting for the end of a line, and don't show them. Ctrl-C and Ctrl-Z
        stay what they are.
        """
        if sys.platform != "win32" and sys.stdin.isatty():
            self._modes = termios.tcgetattr(sys.stdin.fileno())
            tty.setcbreak(sys.stdin.fileno())

    def stop(self) -> None:
        """Make the terminal what it was."""
        if sys.platform != "win32" and self._modes is not None:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._modes)
            self._modes = None

    def wait(self, seconds: float) -> str:
        """Wait for a key.

        Args:
            seconds: how long.

        Returns:
            The key; nothing where none was pressed in that time.
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
