"""A terminal's whole screen, for a view that is drawn again and again. It is restored however the
view ends.

Textual is not used for it: importing that takes 0.3 s of a processor where this takes 0.05 s, and
it would put four more packages of 7 MB into every installation, for one table with a filter.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from types import ModuleType
from typing import NoReturn

from rich.console import Console, ConsoleDimensions
from rich.text import Text

from pipetwist.cli.top.keyboard import ESCAPE_SECONDS, Keyboard

__all__ = ["Screen", "changes", "whole_screen"]

# xterm's ctlseqs: its other screen, no cursor, and nothing goes on in the next line.
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_LEAVE = "\x1b[?7h\x1b[?25h"
_LEAVE_SCREEN = "\x1b[?1049l"
_SIZE = (80, 24)  # of a terminal that does not know its own
_WAKE = b"\0"  # no signal has this number


class Screen:
    """The screen and the keyboard, made by `whole_screen`.

    Args:
        console: makes the sequences of colours.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._has_other = _has_other_screen()
        self._keyboard = Keyboard()
        self._shown: list[str] | None = None  # None if it is not known what is there
        self._ear, self._mouth = socket.socketpair()
        for end in (self._ear, self._mouth):
            end.setblocking(False)

    @property
    def size(self) -> tuple[int, int]:
        """How many columns and lines it has now."""
        try:
            columns, lines = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            columns, lines = 0, 0
        return columns or _SIZE[0], lines or _SIZE[1]

    def draw(self, lines: Sequence[Text]) -> None:
        """Show these lines and nothing else."""
        self._console.size = ConsoleDimensions(*self.size)
        rendered = [self._rendered(line) for line in lines[: self.size[1]]]
        self._write(changes(self._shown, rendered))
        self._shown = rendered

    def wait(self, seconds: float) -> list[str]:
        """Wait for keys, for somebody to call `wake`, or until the screen must be drawn again.

        Args:
            seconds: how long at most.

        Returns:
            The keys, see `pipetwist.cli.top.keyboard.Keys`; none if it waits no more without one.
        """
        if self._keyboard.has_begun:
            seconds = min(seconds, ESCAPE_SECONDS)
        keyboard = [sys.stdin] if self._keyboard.is_on else []
        ready, _, _ = select.select([self._ear, *keyboard], [], [], seconds)
        if self._ear in ready:
            self._heard(self._ear.recv(4096))
        if sys.stdin in ready:
            return self._keyboard.read()
        return [] if ready else self._keyboard.end()

    def wake(self) -> None:
        """Have `wait` return; from any thread."""
        with suppress(OSError):  # it is awake, or closed
            self._mouth.send(_WAKE)

    def enter(self) -> None:
        """Switch to the whole screen."""
        self._keyboard.start()
        self._write(_ENTER)
        self._shown = None

    def leave(self) -> None:
        """Restore the terminal."""
        # A terminal that has no other screen goes on below what is there. In one that has, tmux, if
        # it has grown meanwhile, would keep a line of this screen above a low cursor.
        cursor = "\x1b[H\x1b[J" if self._has_other else f"\x1b[{self.size[1]}H\r\n"
        self._write(f"{_LEAVE}{cursor}{_LEAVE_SCREEN}")
        self._keyboard.stop()

    def close(self) -> None:
        """Wait no more."""
        self._ear.close()
        self._mouth.close()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Have the signals of a terminal wake `wait`, which follows them."""
        signal.signal(signal.SIGTERM, _end)
        for name in ("SIGTSTP", "SIGCONT", "SIGWINCH"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), _noted)
        before = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)

    def _heard(self, numbers: bytes) -> None:
        if sys.platform != "win32" and signal.SIGTSTP in numbers:
            self.leave()
            os.kill(os.getpid(), signal.SIGSTOP)  # continues here when the shell continues it
            self.enter()
        elif numbers.strip(_WAKE):
            # It has another size, or somebody else has used it meanwhile.
            self._keyboard.start()
            self._shown = None

    def _rendered(self, line: Text) -> str:
        with self._console.capture() as capture:
            self._console.print(line, end="", no_wrap=True, overflow="crop", crop=True)
        return capture.get()

    def _write(self, text: str) -> None:
        out = sys.stdout
        out.buffer.write(text.encode(out.encoding, "replace"))
        out.buffer.flush()


@contextmanager
def whole_screen() -> Iterator[Screen]:
    """Use the whole screen as long as the context lasts."""
    with closing(Screen(_console())) as screen, screen.signals():
        screen.enter()
        try:
            yield screen
        finally:
            screen.leave()


def changes(before: Sequence[str] | None, lines: Sequence[str]) -> str:
    """What makes a terminal show these lines.

    Args:
        before: the lines that it shows; None if that is not known.
        lines: those that it is to show.
    """
    written = [] if before is not None else ["\x1b[2J"]
    shown = before or ()
    for number, line in enumerate(lines):
        if number >= len(shown) or shown[number] != line:
            # Erased first: after its last column it would lose what stands there.
            written.append(f"\x1b[{number + 1}H\x1b[2K{line}")
    if len(shown) > len(lines):
        written.append(f"\x1b[{len(lines) + 1}H\x1b[J")
    return "".join(written)


def _console() -> Console:
    return Console(highlight=False, color_system="auto" if _has_colours() else None)


def _has_colours() -> bool:
    """Whether the terminal has any."""
    terminfo = _terminfo()
    return terminfo is None or terminfo.tigetnum("colors") > 1


def _has_other_screen() -> bool:
    """Whether the terminal is known to have another screen."""
    terminfo = _terminfo()
    return terminfo is not None and bool(terminfo.tigetstr("rmcup"))


def _terminfo() -> ModuleType | None:
    """The module that says what the terminal can do, by terminfo(5); None if that is not known."""
    try:
        import curses
    except ImportError:
        return None
    try:
        curses.setupterm(fd=sys.stdout.fileno())
    except curses.error:
        return None
    return curses


def _noted(number: int, frame: object) -> None:
    """What the signal is follows in `Screen.wait`."""


def _end(number: int, frame: object) -> NoReturn:
    # The exit status that a shell has for a command that a signal has ended; the screen is restored
    # before.
    sys.exit(128 + number)
