"""Whether a result is a Deferred."""

from __future__ import annotations

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.testing import FakeSide
from pipetwist.transfer.deferreds import is_deferred


class DeferredTest(SynchronousTestCase):
    """What is one."""

    def test_as_isinstance(self) -> None:
        """Those of its own class and of those below, and nothing else, even if it can be awaited
        too.
        """

        async def awaited() -> None:
            """Nothing is done."""

        waiting = awaited()
        self.addCleanup(waiting.close)
        fired = succeed(None)
        results: tuple[object, ...] = (fired, DeferredList([fired]), None, FakeSide(), waiting)
        for result in results:
            self.assertEqual(is_deferred(result), isinstance(result, Deferred), result)
