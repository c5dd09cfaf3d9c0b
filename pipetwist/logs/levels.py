"""Loggers that drop events below a level, for all observers of the log."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from twisted.logger import Logger, LogLevel

__all__ = ["Level", "LeveledLogger"]

Level = Literal["debug", "info", "warn", "error"]

_AnyLevel: TypeAlias = Any
"""One of LogLevel's constants: the package that they are made with has no types."""


class LeveledLogger(Logger):
    """Drops an event before it is made: a busy relay that logs only warnings has no cost for its
    connections' lines.

    Args:
        namespace: the namespace of the events.
        level: the lowest level that is logged.
        others: loggers that get the same level.
    """

    def __init__(self, namespace: str, level: Level, others: Iterable[LeveledLogger] = ()) -> None:
        super().__init__(namespace)
        self._others = tuple(others)
        self.set_level(level)

    def set_level(self, level: Level) -> None:
        """From now on log this level and above."""
        least: _AnyLevel = LogLevel.lookupByName(level)
        self._enough = frozenset(level for level in LogLevel.iterconstants() if level >= least)
        self.debugs = LogLevel.debug in self._enough
        """Whether debug is logged, to avoid making events for nothing."""
        self.infos = LogLevel.info in self._enough
        """The same for info."""
        for other in self._others:
            other.set_level(level)

    @classmethod
    def levels_of(cls, log: Logger) -> LeveledLogger:
        """A logger with levels, which logs what this one does: itself, or if it is of another class
        one that drops debug.
        """
        if isinstance(log, LeveledLogger):
            return log
        leveled = cls(log.namespace, "info")
        leveled.observer, leveled.source = log.observer, log.source
        return leveled

    def emit(self, level: _AnyLevel, format: str | None = None, **kwargs: object) -> None:  # noqa: A002 - Logger's name
        if level not in self._enough:
            return
        if "log_trace" in kwargs:
            super().emit(level, format, **kwargs)
            return
        kwargs["log_format"] = format
        self.tell(level, kwargs)

    def tell(self, level: _AnyLevel, event: dict[str, object]) -> None:
        """Log an event of this level, which the caller knows to be logged.

        Args:
            level: its level.
            event: its fields and ``log_format``; the others are added.
        """
        # As Logger does, which first looks through all levels whether this is one.
        event["log_logger"] = self
        event["log_level"] = level
        event["log_namespace"] = self.namespace
        event["log_source"] = self.source
        event["log_time"] = time.time()
        self.observer(event)
