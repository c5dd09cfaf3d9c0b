"""The last that a plug-in has said, for the reason of its failure."""

from __future__ import annotations

import re
from collections import deque

__all__ = ["LastWords"]

_LINES = 2
_LENGTH = 300
# Programs that do not look whether they write to a terminal color their lines (ECMA-48, 8.3.117).
_COLORS = re.compile(r"\x1b\[[0-9;]*m")


class LastWords:
    """The last lines of one process of a plug-in.

    Args:
        name: the plug-in's, for people.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines: deque[str] = deque(maxlen=_LINES)

    def __repr__(self) -> str:
        return f"<LastWords {list(self._lines)}>"

    def keep(self, line: str) -> None:
        """It has said this."""
        self._lines.append(_COLORS.sub("", line).strip()[:_LENGTH])

    def __str__(self) -> str:
        return " / ".join(self._lines)

    def failure(self, what: str) -> str:
        """Say why it failed, with its own words.

        Args:
            what: what happened to it.
        """
        words = f": {self}" if self._lines else ""
        return f"the plug-in {self._name} failed: {what}{words}"
