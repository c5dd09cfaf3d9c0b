"""The clock that goes on while the machine sleeps."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.page.boot_clock import since_boot


def _otherwise() -> float:
    return 4711.0


class BootClockTest(SynchronousTestCase):
    """Where a system has one, and where not."""

    def test_sleep(self) -> None:
        """The seconds of the machine's sleep count."""
        asked: list[int] = []

        def clock_gettime(clock: int) -> float:
            asked.append(clock)
            return 7.5

        self.patch(time, "clock_gettime", clock_gettime)
        clock = getattr(time, "CLOCK_BOOTTIME", None)
        self.assertEqual(since_boot(_otherwise)(), 4711.0 if clock is None else 7.5)
        self.assertEqual(set(asked), {clock} - {None})

    def test_goes_on(self) -> None:
        """This machine's never goes back."""
        elapsed = since_boot(time.monotonic)
        readings = [elapsed() for _ in range(100)]
        self.assertEqual(readings, sorted(readings))

    def test_none(self) -> None:
        """A system without one has the other clock."""
        self.patch(time, "CLOCK_BOOTTIME", None)
        self.assertEqual(since_boot(_otherwise)(), 4711.0)

    def test_refused(self) -> None:
        """So has one where it can't be read."""

        def clock_gettime(clock: int) -> float:
            raise OSError(22, "Invalid argument")

        self.patch(time, "clock_gettime", clock_gettime)
        self.assertEqual(since_boot(_otherwise)(), 4711.0)
