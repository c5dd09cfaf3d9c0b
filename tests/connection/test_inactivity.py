"""When a connection counts as inactive."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.inactivity import IdleChecker, Watched


class _Watched(Watched):
    """Is watched as the test says."""

    def __init__(
        self,
        idle_checker: IdleChecker,
        bytes_moved: Callable[[], int],
        expired: Callable[[float], None],
    ) -> None:
        super().__init__()
        self._checks = idle_checker
        self._bytes_moved = bytes_moved
        self._told = expired

    @property
    def moved(self) -> int:
        """What the test says."""
        return self._bytes_moved()

    def expired(self, allowed: float) -> None:
        """Tell the test."""
        self._told(allowed)

    def allow(self, seconds: float | None) -> None:
        """Watch for so long."""
        self.watch(self._checks, seconds)


class InactivityTest(SynchronousTestCase):
    """Ten looks in the time allowed."""

    def setUp(self) -> None:
        """Begin with nothing moved."""
        self.clock = Clock()
        self.idle_checker = IdleChecker(self.clock)
        self.moved = 0
        self.expired: list[tuple[float, float]] = []
        self.inactivity = _Watched(
            self.idle_checker,
            lambda: self.moved,
            lambda seconds: self.expired.append((self.clock.seconds(), seconds)),
        )

    def wait(self, seconds: float) -> None:
        """Let time pass in small steps, which a float holds exactly."""
        self.clock.pump([1 / 64] * round(seconds * 64))

    def test_nothing_moves(self) -> None:
        """If nothing moves it expires after the time allowed, to the moment."""
        self.inactivity.allow(10)
        self.wait(10 - 1 / 64)
        self.assertEqual(self.expired, [])
        self.wait(1 / 64)
        self.assertEqual(self.expired, [(10.0, 10)])

    def test_once(self) -> None:
        """It is said once."""
        self.inactivity.allow(1)
        self.wait(5)
        self.assertEqual(len(self.expired), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_bytes_move(self) -> None:
        """A byte that moves gives the whole time again: never less, and at most a tenth more."""
        for moment in (1 / 64, 0.5, 1.0, 1 + 1 / 64, 3.75, 10 - 1 / 64):
            self.setUp()
            self.inactivity.allow(10)
            self.wait(moment)
            self.moved += 1
            self.wait(15)
            (when, _), *rest = self.expired
            self.assertEqual(rest, [])
            self.assertGreaterEqual(when, moment + 10)
            self.assertLessEqual(when, moment + 11)

    def test_steady_trickle(self) -> None:
        """As long as a byte moves within each period it never expires."""
        self.inactivity.allow(10)
        for _ in range(20):
            self.moved += 1
            self.wait(9.9)
        self.assertEqual(self.expired, [])

    def test_stop(self) -> None:
        """Nothing is said once watching has stopped, and no call is left where nobody is
        watched.
        """
        self.inactivity.allow(10)
        self.inactivity.allow(None)
        self.idle_checker.rest()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.wait(20)
        self.assertEqual(self.expired, [])

    def test_begin_anew(self) -> None:
        """A new time counts from when it is given, and the old one is forgotten."""
        self.inactivity.allow(10)
        self.wait(8)
        self.inactivity.allow(5)
        self.wait(5 - 1 / 64)
        self.assertEqual(self.expired, [])
        self.wait(1 / 64)
        self.assertEqual(self.expired, [(13.0, 5)])

    def test_many(self) -> None:
        """Those who are allowed the same time are looked at in one call, each from its own
        beginning, and one may end another.
        """
        ended: list[str] = []
        later = _Watched(self.idle_checker, lambda: 0, lambda seconds: ended.append("later"))

        def expired(seconds: float) -> None:
            ended.append("first")
            together.allow(None)

        first = _Watched(self.idle_checker, lambda: 0, expired)
        together = _Watched(self.idle_checker, lambda: 0, lambda seconds: ended.append("together"))
        first.allow(10)
        together.allow(10)
        self.wait(5)
        later.allow(10)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.wait(5)
        self.assertEqual(ended, ["first"])
        self.wait(5)
        self.assertEqual(ended, ["first", "later"])

    def test_watch_when_expired(self) -> None:
        """Watching may be stopped or begun again in the very call that says it."""
        again: list[float] = []

        def expired(seconds: float) -> None:
            again.append(seconds)
            inactivity.allow(3 if len(again) == 1 else None)

        inactivity = _Watched(self.idle_checker, lambda: 0, expired)
        inactivity.allow(2)
        self.wait(10)
        self.assertEqual(again, [2, 3])
