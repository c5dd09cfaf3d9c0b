"""Loggers that keep quiet below a level, whoever observes the log."""

from __future__ import annotations

from typing import Literal

from twisted.logger import FilteringLogObserver, Logger, LogLevel, LogLevelFilterPredicate, globalLogPublisher

__all__ = ["Level", "leveled_logger"]

Level = Literal["debug", "info", "warn", "error"]


def leveled_logger(namespace: str, level: Level) -> Logger:
    """A logger whose events below a level go nowhere.

    Args:
        namespace: where the events come from.
        level: the least important that is let through.
    """
    enough = LogLevelFilterPredicate(LogLevel.lookupByName(level))
    return Logger(namespace, observer=FilteringLogObserver(globalLogPublisher, [enough]))
