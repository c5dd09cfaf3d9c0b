"""Whether clients should be sent to a tree."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from pipetwist.errors import StartError
from pipetwist.inbounds.endpoint import EndpointInboundOptions
from pipetwist.service.health import why_not_healthy
from tests.service.case import TreeTestCase


class HealthTest(TreeTestCase):
    """A tree of two inbounds, one of which may take its time."""

    def test_states(self) -> None:
        """It is healthy from when all listen until it is stopped, and again after another start."""
        tree = self.make()
        self.assertEqual(why_not_healthy(tree.generation), "these inbounds do not listen yet: in")
        for _ in range(2):
            tree.startService()
            self.assertIsNone(why_not_healthy(tree.generation))
            self.stop(tree)
            self.assertEqual(
                why_not_healthy(tree.generation), "these inbounds do not listen yet: in"
            )

    def test_late(self) -> None:
        """One that listens later is waited for, and one that never does stays named."""
        for outcome, after in ((None, None), (StartError("taken"), "any")):
            tree = self.make(
                self.inbound(), EndpointInboundOptions(tag="any", endpoint="tcp:0"), failed=id
            )
            listening: Deferred[Any] = Deferred()
            self.patch(tree.inbounds["any"], "listen", lambda listening=listening: listening)
            tree.startService()
            self.assertEqual(
                why_not_healthy(tree.generation), "these inbounds do not listen yet: any"
            )
            if outcome is None:
                listening.callback(None)
            else:
                listening.errback(Failure(outcome))
            expected = None if after is None else f"these inbounds do not listen yet: {after}"
            self.assertEqual(why_not_healthy(tree.generation), expected)
            self.stop(tree)

    def test_reload(self) -> None:
        """An inbound that a reload adds listens, or there is no reload."""
        tree = self.make()
        tree.startService()
        document = self.make(self.inbound(), self.inbound("other")).document
        reloaded = tree.reload(document)
        self.turn()
        self.successResultOf(reloaded)
        self.assertEqual(list(tree.inbounds), ["in", "other"])
        self.assertIsNone(why_not_healthy(tree.generation))
