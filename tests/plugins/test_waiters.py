"""Those who wait for a plug-in."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import ConnectError
from pipetwist.plugins.waiters import Waiters


class WaitersTest(SynchronousTestCase):
    """Three, of whom the first one gives the second one up when it hears."""

    def setUp(self) -> None:
        """Have them wait."""
        self.waiters = Waiters()
        self.first, self.second, self.third = (self.waiters.join() for _ in range(3))

        def give_up(outcome: Any) -> Any:
            self.second.cancel()
            return outcome

        self.first.addBoth(give_up)

    def test_go(self) -> None:
        """The third one goes on all the same."""
        self.waiters.go()
        self.failureResultOf(self.second, CancelledError)
        self.assertIsNone(self.successResultOf(self.third))

    def test_fail(self) -> None:
        """It hears the reason all the same, and one who comes then waits on."""
        later: list[Deferred[None]] = []
        self.third.addErrback(lambda _: later.append(self.waiters.join()))
        self.waiters.fail("why")
        self.failureResultOf(self.first, ConnectError)
        self.failureResultOf(self.second, CancelledError)
        self.assertNoResult(later[0])
