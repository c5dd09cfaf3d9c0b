"""Loggers that keep quiet below a level."""

from __future__ import annotations

from typing import get_args

from twisted.logger import Logger, LogLevel, LogPublisher, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.logs.levels import Level, LeveledLogger

_LEVELS: tuple[Level, ...] = get_args(Level)


class LevelsTest(SynchronousTestCase):
    """What comes through."""

    def test_levels(self) -> None:
        """Each level lets through itself and what is more important."""
        self.assertEqual(_LEVELS, ("debug", "info", "warn", "error"))
        for number, level in enumerate(_LEVELS):
            log = LeveledLogger("pipetwist.test", level)
            with capturedLogs() as events:
                for each in _LEVELS:
                    getattr(log, each)("said")
            self.assertEqual([event["log_level"].name for event in events], list(_LEVELS[number:]))

    def test_namespace(self) -> None:
        """Events come from the namespace that is asked for, with their fields."""
        with capturedLogs() as events:
            LeveledLogger("pipetwist.test", "info").info("{a} and {b}", a=1, b="two")
        (event,) = events
        self.assertEqual(
            (event["log_namespace"], event["a"], event["b"]), ("pipetwist.test", 1, "two")
        )

    def test_apart(self) -> None:
        """Loggers of different levels do not change each other."""
        loud, quiet = LeveledLogger("loud", "debug"), LeveledLogger("quiet", "error")
        with capturedLogs() as events:
            loud.debug("heard")
            quiet.warn("unheard")
        self.assertEqual([event["log_namespace"] for event in events], ["loud"])

    def test_changed(self) -> None:
        """The level can be changed; whoever has the logger logs by the new one."""
        log = LeveledLogger("pipetwist.test", "error")
        log.set_level("warn")
        with capturedLogs() as events:
            log.warn("heard")
            log.info("unheard")
        self.assertEqual([event["log_format"] for event in events], ["heard"])

    def test_others(self) -> None:
        """Other loggers get the level of the logger that has them, from the start and when it
        changes, and know whether it is debug.
        """
        other = LeveledLogger("other", "error")
        log = LeveledLogger("pipetwist.test", "debug", [other])
        self.assertTrue(other.debugs)
        log.set_level("info")
        with capturedLogs() as events:
            other.debug("unheard")
            other.info("heard")
        self.assertEqual(
            ([event["log_format"] for event in events], other.debugs), (["heard"], False)
        )

    def test_asked(self) -> None:
        """Whoever says much can ask first; a logger of another kind lets everything through but
        what is for those who look for mistakes.
        """
        log = LeveledLogger("pipetwist.test", "debug")
        found = []
        for level in _LEVELS:
            log.set_level(level)
            found.append((log.debugs, log.infos))
        self.assertEqual(found, [(True, True), (False, True), (False, False), (False, False)])
        self.assertIs(LeveledLogger.levels_of(log), log)
        publisher = LogPublisher()
        levels = LeveledLogger.levels_of(Logger("pipetwist.test", self, publisher))
        self.assertEqual((levels.debugs, levels.infos), (False, True))
        self.assertIs(levels.observer, publisher)
        self.assertIs(levels.source, self)

    def test_told(self) -> None:
        """An event that is there already is as one that is made, but for what it is asked for."""
        log = LeveledLogger("pipetwist.test", "info")
        with capturedLogs() as events:
            log.info("{a}", a=1)
            log.tell(LogLevel.info, {"a": 1, "log_format": "{a}"})
        made, told = events
        fields = ("a", "log_format", "log_level", "log_logger", "log_namespace", "log_source")
        self.assertEqual([told[field] for field in fields], [made[field] for field in fields])
        self.assertGreaterEqual(told["log_time"], made["log_time"])
