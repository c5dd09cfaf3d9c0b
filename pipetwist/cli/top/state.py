"""What the keys of ``pipetwist top`` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

__all__ = ["SORTS", "VIEWS", "TopState", "View"]

View = Literal["traffic", "limits", "failures", "connections"]

SORTS: Mapping[View, Sequence[str]] = {
    "traffic": ("rate", "total", "name"),
    "limits": ("state", "used", "name"),
    "failures": ("time", "count", "name"),
    "connections": ("rate", "total", "age", "user"),
}
"""What each view can be sorted by; the first is the default."""
VIEWS = tuple(SORTS)

_MAX_FILTER_LENGTH = 200


class TopState:
    """What is shown, of what the server says.

    Args:
        sort: what comes first in the view of traffic.
    """

    def __init__(self, sort: str = "rate") -> None:
        self.view: View = VIEWS[0]
        """The view."""
        self.sorts: dict[View, str] = {view: sorts[0] for view, sorts in SORTS.items()}
        """What comes first in each view."""
        self.sorts[self.view] = sort
        self.filter = ""
        """Words, each of which must be in a row that is shown."""
        self.is_typing = False
        """Whether the filter is being typed."""
        self.in_help = False
        """Whether the keys are explained."""
        self.offset = 0
        """How many rows are above the first one that is shown."""
        self._count = 0
        self._room = 1

    def __repr__(self) -> str:
        return f"<TopState {self.view} from {self.offset}, filter {self.filter!r}>"

    @property
    def sort(self) -> str:
        """What comes first now."""
        return self.sorts[self.view]

    @property
    def next_sort(self) -> str:
        """What comes first after the key for it."""
        sorts = SORTS[self.view]
        return sorts[(sorts.index(self.sort) + 1) % len(sorts)]

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the filter, for a comparison in any case."""
        return tuple(self.filter.casefold().split())

    def drawn(self, count: int, room: int) -> int:
        """There are so many rows, and room for so many of them.

        Returns:
            The number of the first one that is shown.
        """
        self._count, self._room = count, room
        self.offset = max(0, min(self.offset, count - room))
        return self.offset

    def press(self, key: str) -> bool:
        """A key was pressed.

        Args:
            key: it, see `pipetwist.cli.top.keyboard.Keys`.

        Returns:
            False if it ends the view.
        """
        moved = self._moved(key)
        if moved is not None:
            self.offset = moved
        elif self.is_typing:
            self._type(key)
        elif self.in_help:
            if key in {"?", "q", "Q", "escape", "enter"}:
                self._explain(show=False)
        elif key in {"q", "Q"}:
            return False
        else:
            self._command(key)
        return True

    def _moved(self, key: str) -> int | None:
        """Where a key leads that scrolls; None if it does something else."""
        end = max(0, self._count - self._room)
        steps = {
            "up": -1,
            "down": 1,
            "page-up": -self._room,
            "page-down": self._room,
            "home": -self.offset,
            "end": end,
        }
        return max(0, min(self.offset + steps[key], end)) if key in steps else None

    def _type(self, key: str) -> None:
        if key in {"enter", "escape"}:
            self.is_typing = False
        if key in {"escape", "ctrl-u"}:
            self._find("")
        elif key == "backspace":
            self._find(self.filter[:-1])
        elif len(key) == 1 and key.isprintable() and len(self.filter) < _MAX_FILTER_LENGTH:
            self._find(self.filter + key)

    def _command(self, key: str) -> None:
        if key == "s":
            self.sorts[self.view] = self.next_sort
        elif key == "/":
            self.is_typing = True
        elif key == "?":
            self._explain(show=True)
        elif key == "escape":
            self._find("")
        elif key in {"tab", "right", "back-tab", "left"}:
            step = 1 if key in {"tab", "right"} else -1
            self._look_at(VIEWS[(VIEWS.index(self.view) + step) % len(VIEWS)])
        elif key in map(str, range(1, len(VIEWS) + 1)):
            self._look_at(VIEWS[int(key) - 1])

    def _find(self, text: str) -> None:
        self.filter = text
        self.offset = 0

    def _look_at(self, view: View) -> None:
        self.view = view
        self.offset = 0

    def _explain(self, *, show: bool) -> None:
        self.in_help = show
        self.offset = 0
