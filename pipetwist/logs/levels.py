"""Loggers that keep quiet below a level, whoever observes the log."""

from __future__ import annotations

from typing import Any, Literal

from twisted.logger import Logger, LogLevel

__all__ = ["Level", "LeveledLogger"]

Level = Literal["debug", "info", "warn", "error"]


class LeveledLogger(Logger):
    """Drops an event before anything is made of it: a busy relay that logs warnings alone pays nothing for its connections' lines.

    Args:
        namespace: where the events come from.
        level: the least important that is let through.
    """

    def __init__(self, namespace: str, level: Level) -> None:
        super().__init__(namespace)
        self.set_level(level)

    def set_level(self, level: Level) -> None:
        """From now on let through what is at least as important as this."""
        least: Any = LogLevel.lookupByName(level)
        self._enough = frozenset(level for level in LogLevel.iterconstants() if level >= least)

    def emit(self, level: Any, format: str | None = None, **kwargs: object) -> None:  # noqa: A002 - Logger's name
        if level in self._enough:
            super().emit(level, format, **kwargs)
