"""Loggers that keep quiet below a level, whoever observes the log."""

from __future__ import annotations

from typing import Any, Literal

from twisted.logger import Logger, LogLevel

__all__ = ["Level", "leveled_logger"]

Level = Literal["debug", "info", "warn", "error"]


class _LeveledLogger(Logger):
    """Drops an event before anything is made of it: a busy relay that logs warnings alone pays nothing for its connections' lines."""

    def __init__(self, namespace: str, least: Any) -> None:
        super().__init__(namespace)
        self._enough = frozenset(level for level in LogLevel.iterconstants() if level >= least)

    def emit(self, level: Any, format: str | None = None, **kwargs: object) -> None:  # noqa: A002 - Logger's name
        if level in self._enough:
            super().emit(level, format, **kwargs)


def leveled_logger(namespace: str, level: Level) -> Logger:
    """A logger whose events below a level go nowhere.

    Args:
        namespace: where the events come from.
        level: the least important that is let through.
    """
    return _LeveledLogger(namespace, LogLevel.lookupByName(level))
