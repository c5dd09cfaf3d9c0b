"""What a terminal shows of what ``pipetwist top`` writes, as xterm would."""

from __future__ import annotations

import re

from tests.support.command_line import TerminalCall

__all__ = ["ENTER", "LEAVE", "shown", "wait_for"]

ENTER = "\x1b[?1049h"
"""Switches to xterm's other screen (ctlseqs)."""
LEAVE = "\x1b[?1049l"
"""Switches back."""

_PARTS = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")


def shown(text: str) -> list[str]:
    """The lines of the other screen, without colours, from the last time that it was switched to.

    Raises:
        ValueError: it was not switched to, or there is a sequence that is not known here.
    """
    if ENTER not in text:
        message = f"the other screen was not used: {text!r}"
        raise ValueError(message)
    lines: dict[int, str] = {}
    at = 1
    for part in _PARTS.finditer(text.rpartition(ENTER)[2]):
        said, letter = part.groups()
        if letter is None:
            if not part[0].isspace() or part[0].strip("\r\n"):
                lines[at] = lines.get(at, "") + part[0]
        elif letter == "H":
            at = int(said or 1)
        elif (said, letter) == ("2", "K"):
            lines[at] = ""
        elif (said, letter) == ("2", "J"):
            lines = {}
        elif (said, letter) == ("", "J"):
            lines = {number: line for number, line in lines.items() if number < at}
        elif letter not in "mhl":
            message = f"an unknown sequence: {part[0]!r}"
            raise ValueError(message)
    return [lines.get(number, "").rstrip() for number in range(1, max(lines, default=0) + 1)]


def wait_for(terminal: TerminalCall, what: str) -> list[str]:
    """Wait until the screen has a text, and return its lines."""
    terminal.wait_for(
        lambda text: ENTER in text and what in "\n".join(shown(text)), f"{what} on the screen"
    )
    return shown(terminal.text)
