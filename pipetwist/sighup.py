"""SIGHUP while the daemon is still being started: it is kept for later, when there is something to
reload.

This is loaded before everything else of ours, and at once: nothing more is imported here.
"""

from __future__ import annotations

import os
import signal

__all__ = ["EarlySighup", "early_sighup", "has_terminal", "keep_sighup"]


class EarlySighup:
    """What SIGHUP meant before the start, and whether it came since."""

    def __init__(self) -> None:
        heard = hasattr(signal, "SIGHUP")
        self.outlives_terminal = heard and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        """Whether the process goes on when its terminal is closed: nohup has it ignore SIGHUP."""
        self.came = False
        """Whether a reload was asked for."""
        self._terminal = heard and not self.outlives_terminal and has_terminal()
        self._session = os.getsid(0) if self._terminal else 0

    def note(self, number: int, frame: object) -> None:
        """Handles the signal."""
        # A daemon in the background has left the session, and with it the terminal.
        if self._terminal and os.getsid(0) == self._session and not has_terminal():
            # Nobody asks for a reload: the terminal was closed, and that ends a process.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        else:
            self.came = True


_kept: list[EarlySighup] = []


def keep_sighup() -> None:
    """Have SIGHUP end the process no more, until something else is made of it.

    Who handles it already, goes on handling it.
    """
    if (
        not _kept
        and hasattr(signal, "SIGHUP")
        and signal.getsignal(signal.SIGHUP) in (signal.SIG_DFL, signal.SIG_IGN)
    ):
        early = EarlySighup()
        try:
            signal.signal(signal.SIGHUP, early.note)
        except ValueError:  # it is not the main thread
            return
        _kept.append(early)


def early_sighup() -> EarlySighup:
    """What was kept; what SIGHUP means now where nothing was."""
    return _kept[0] if _kept else EarlySighup()


def has_terminal() -> bool:
    """Whether the process has a controlling terminal, tty(4)."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
