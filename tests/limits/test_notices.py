"""What is said and remembered of limits that are reached, with a clock that the test moves."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.logger import LogEvent, Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.limits import notices as notices_module
from pipetwist.limits.notices import Notices

_REFUSED = "user alice has reached quota: new connections are refused"


class _Clock(Clock):
    """Notes for how long each call is put off."""

    def __init__(self) -> None:
        super().__init__()
        self.delays: list[float] = []

    def callLater(self, delay: float, callable: Any, *args: object, **kw: object) -> IDelayedCall:  # noqa: A002 - Clock's name
        self.delays.append(delay)
        return super().callLater(delay, callable, *args, **kw)


class NoticesTest(SynchronousTestCase):
    """`Notices`."""

    def setUp(self) -> None:
        """Have a log."""
        self.clock = _Clock()
        self.lines: list[tuple[float, str]] = []
        log = Logger("pipetwist", observer=self.observe)  # type: ignore[arg-type]  # a function observes well
        self.notices = Notices(self.clock, log)

    def observe(self, event: LogEvent) -> None:
        """Note a line, and when it came."""
        self.lines.append((self.clock.seconds(), formatEvent(event)))

    def hit(self, times: int = 1, whose: str = "user alice", limit: str = "quota") -> None:
        """A limit is reached."""
        for _ in range(times):
            self.notices.hit(whose, limit, "new connections are refused")

    def test_one_a_minute(self) -> None:
        """Each has one line a minute, which says how often it was since the last; none once it is
        not reached any more.
        """
        for second in range(150):
            self.hit(10 if second else 1)
            self.clock.advance(1)
        self.clock.pump([60] * 3)
        self.hit()
        self.assertEqual(
            self.lines,
            [
                (0, _REFUSED),
                (60, f"{_REFUSED}; 590 more times since the last such line"),
                (120, f"{_REFUSED}; 600 more times since the last such line"),
                (210, f"{_REFUSED}; 300 more times since the last such line"),
                (330, _REFUSED),
            ],
        )

    def test_by_themselves(self) -> None:
        """Another limit, and that of another, has a line of its own."""
        self.hit(2)
        self.hit(2, "user bob")
        self.hit(1, limit="expires")
        self.hit(1, "inbound in", "max_connections")
        self.assertEqual(len({line for _, line in self.lines}), 4)
        self.assertEqual(len(self.lines), 4)
        self.clock.advance(60)
        self.assertEqual(
            [line for _, line in self.lines[4:]],
            [
                f"user {name} has reached quota: new connections are refused; 1 more time since "
                "the last such line"
                for name in ("alice", "bob")
            ],
        )

    def test_timer(self) -> None:
        """There is one timer for all, and none once there was nothing to say for a minute."""
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for number in range(130):
            self.hit(2, f"user {number}")
            self.clock.advance(0.1)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.assertEqual(repr(self.notices), "<Notices of 130 limits>")
        self.clock.pump([0.1] * 730)
        self.assertEqual(len(self.lines), 260)
        self.clock.pump([0.1] * 600)
        self.assertEqual(len(self.lines), 260)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many_due(self) -> None:
        """Of many that are due at once some are said in each turn."""
        for number in range(120):
            self.hit(2, f"user {number}")
        self.clock.advance(60)
        self.assertEqual(len(self.lines), 240)
        self.assertEqual(self.clock.delays, [60, 0, 0, 60])

    def test_stop(self) -> None:
        """At the end it is said how often it was, and no timer is left."""
        self.hit(3)
        self.hit(1, "user bob")
        self.notices.stop()
        self.assertEqual(
            [line for _, line in self.lines[2:]],
            [f"{_REFUSED}; 2 more times since the last such line"],
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.notices.stop()

    def test_latest(self) -> None:
        """How often each was reached is remembered, and when it last was."""
        for whose in ("user alice", "user bob", "user alice", "user carol"):
            self.clock.advance(1)
            self.hit(whose=whose)
        self.assertEqual(
            [(whose, hit.count, hit.last) for (whose, _), hit in self.notices.latest(2)],
            [("user carol", 1, 4.0), ("user alice", 2, 3.0)],
        )

    def test_bounded(self) -> None:
        """Of too many those are forgotten that would be said again."""
        self.patch(notices_module, "_MANY", 3)
        for whose in ("a", "b", "c"):
            self.hit(whose=whose)
        self.clock.advance(61)
        self.hit(whose="c")
        self.hit(whose="d")
        self.assertEqual({whose for (whose, _), _ in self.notices.latest(9)}, {"c", "d"})

    def test_many_quiet(self) -> None:
        """Where most of them may not be forgotten yet nobody looks for those that may: with each
        new one that would be a look at all.
        """
        self.patch(notices_module, "_MANY", 3)
        remembered = self.notices._hits
        for number in range(20):
            self.hit(whose=f"user {number}")
            self.assertIs(self.notices._hits, remembered)
        self.clock.advance(61)
        self.hit()
        self.assertEqual(len(self.notices.latest(99)), 1)
