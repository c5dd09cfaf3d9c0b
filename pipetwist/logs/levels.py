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
        """The levels of a logger; if it is of another class, everything except debug."""
        return log if isinstance(log, LeveledLogger) else cls(log.namespace, "info")

    def emit(self, level: _AnyLevel, format: str | None = None, **kwargs: object) -> None:  # noqa: A002 - Logger's name
        if level not in self._enough:
            return
        if "log_trace" in kwargs:
            super().emit(level, format, **kwargs)
            return
        # As Logger does, which first looks through all levels whether this is one.
        kwargs["log_logger"] = self
        kwargs["log_level"] = level
        kwargs["log_namespace"] = self.namespace
        kwargs["log_source"] = self.source
        kwargs["log_format"] = format
        kwargs["log_time"] = time.time()
        self.observer(kwargs)
