"""Loggers that keep quiet below a level, whoever observes the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from twisted.logger import Logger, LogLevel

__all__ = ["Level", "LeveledLogger"]

Level = Literal["debug", "info", "warn", "error"]

_AnyLevel: TypeAlias = Any
"""One of LogLevel's constants: the package that they are made with has no types."""


class LeveledLogger(Logger):
    """Drops an event before anything is made of it: a busy relay that logs warnings alone pays
    nothing for its connections' lines.

    Args:
        namespace: where the events come from.
        level: the least important that is let through.
        others: those that go by the same level from now on.
    """

    def __init__(self, namespace: str, level: Level, others: Iterable[LeveledLogger] = ()) -> None:
        super().__init__(namespace)
        self._others = tuple(others)
        self.set_level(level)

    def set_level(self, level: Level) -> None:
        """From now on let through what is at least as important as this."""
        least: _AnyLevel = LogLevel.lookupByName(level)
        self._enough = frozenset(level for level in LogLevel.iterconstants() if level >= least)
        self.debugs = LogLevel.debug in self._enough
        """Whether debug is let through: asked where many would make an event for nothing."""
        self.infos = LogLevel.info in self._enough
        """The same of info."""
        for other in self._others:
            other.set_level(level)

    @classmethod
    def levels_of(cls, log: Logger) -> LeveledLogger:
        """What says how much a logger lets through; of another kind all but debug."""
        return log if isinstance(log, LeveledLogger) else cls(log.namespace, "info")

    def emit(self, level: _AnyLevel, format: str | None = None, **kwargs: object) -> None:  # noqa: A002 - Logger's name
        if level in self._enough:
            super().emit(level, format, **kwargs)
