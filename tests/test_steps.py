"""Long work in small steps."""

from __future__ import annotations

from collections.abc import Generator

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.steps import at_once, in_turns


def work(steps: int, error: Exception | None = None) -> Generator[None, None, str]:
    """Work of so many steps."""
    for _ in range(steps):
        yield
    if error is not None:
        raise error
    return "done"


class _Turns(Clock):
    """A clock that makes one call in a turn, as a reactor does with those of callLater(0)."""

    def turn(self) -> None:
        """Make it."""
        call = self.calls.pop(0)
        call.func(*call.args, **call.kw)


class StepsTest(SynchronousTestCase):
    """At once, and in turns of the reactor."""

    def test_at_once(self) -> None:
        """All steps are taken."""
        self.assertEqual(at_once(work(3)), "done")

    def test_in_turns(self) -> None:
        """One step is taken in each turn; work of a single one is done at once."""
        clock = _Turns()
        self.assertEqual(self.successResultOf(in_turns(clock, work(0))), "done")
        doing = in_turns(clock, work(2))
        for _ in range(2):
            self.assertNoResult(doing)
            clock.turn()
        self.assertEqual(self.successResultOf(doing), "done")
        self.assertEqual(clock.calls, [])

    def test_error(self) -> None:
        """What goes wrong is told to whoever waits."""
        clock = _Turns()
        doing = in_turns(clock, work(1, KeyError("x")))
        clock.turn()
        self.failureResultOf(doing, KeyError)
