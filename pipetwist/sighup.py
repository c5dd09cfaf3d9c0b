"""SIGHUP while the daemon is being started: remembered until there is something to reload.

twistd loads this before all other modules of ours, so it must be fast to load: it imports nothing
else.
"""

from __future__ import annotations

import os
import signal

__all__ = ["EarlySighup", "early_sighup", "has_terminal", "keep_sighup"]


class EarlySighup:
    """How SIGHUP was handled before the start, and whether it came since."""

    def __init__(self) -> None:
        heard = hasattr(signal, "SIGHUP")
        self.outlives_terminal = heard and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        """Whether the process survives when its terminal is closed: under nohup it ignores
        SIGHUP.
        """
        self.came = False
        """Whether a reload was requested."""
        self._terminal = heard and not self.outlives_terminal and has_terminal()
        self._session = os.getsid(0) if self._terminal else 0

    def note(self, number: int, frame: object) -> None:
        """Handle the signal."""
        # A daemon in the background has left the session, and so its terminal.
        if self._terminal and os.getsid(0) == self._session and not has_terminal():
            # Not a reload: the terminal was closed, which ends a process.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        else:
            self.came = True


_kept: list[EarlySighup] = []


def keep_sighup() -> None:
    """From now on SIGHUP does not end the process, until another handler is set.

    An existing handler is kept.
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
    """What was remembered; if nothing was, how SIGHUP is handled now."""
    return _kept[0] if _kept else EarlySighup()


def has_terminal() -> bool:
    """Whether the process has a controlling terminal, tty(4)."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
