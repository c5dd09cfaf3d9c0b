"""What is said and remembered of limits that are reached."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.limits import notices as notices_module
from pipetwist.limits.notices import Notices


class NoticesTest(SynchronousTestCase):
    """`Notices`."""

    def setUp(self) -> None:
        """Listen to what is logged."""
        self.clock = Clock()
        self.events: list[dict[str, Any]] = []
        log = Logger("pipetwist", observer=LogPublisher(self.events.append))  # type: ignore[arg-type]  # a list's append observes well
        self.notices = Notices(self.clock, log)

    def test_once_a_minute(self) -> None:
        """A limit is said once a minute, and another one by itself."""
        for seconds in (0, 30, 29.9, 0.1):
            self.clock.advance(seconds)
            self.notices.hit("user alice", "down_mbps", "bytes are held back")
        self.notices.hit("user bob", "quota", "new connections are refused")
        self.assertEqual(
            [formatEvent(event) for event in self.events],
            ["user alice has reached down_mbps: bytes are held back"] * 2
            + ["user bob has reached quota: new connections are refused"],
        )

    def test_latest(self) -> None:
        """How often each was reached is remembered, and when it last was."""
        for whose in ("user alice", "user bob", "user alice", "user carol"):
            self.clock.advance(1)
            self.notices.hit(whose, "quota", "new connections are refused")
        self.assertEqual(
            [(whose, hit.count, hit.last) for (whose, _), hit in self.notices.latest(2)],
            [("user carol", 1, 4.0), ("user alice", 2, 3.0)],
        )

    def test_bounded(self) -> None:
        """Of too many those are forgotten that would be said again."""
        self.patch(notices_module, "_MANY", 3)
        for whose in ("a", "b", "c"):
            self.notices.hit(whose, "quota", "")
        self.clock.advance(61)
        self.notices.hit("c", "quota", "")
        self.notices.hit("d", "quota", "")
        self.assertEqual({whose for (whose, _), _ in self.notices.latest(9)}, {"c", "d"})
