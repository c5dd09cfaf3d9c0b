"""A tree in a program of somebody's own."""

from __future__ import annotations

from twisted.application.service import MultiService

from tests.service.case import TreeTestCase


class EmbeddingTest(TreeTestCase):
    """In a program of one's own."""

    def test_child(self) -> None:
        """As a child of another service it starts and stops with it, and the other waits for its
        end.
        """
        parent = MultiService()
        tree = self.make()
        tree.setServiceParent(parent)
        parent.privilegedStartService()
        parent.startService()
        self.connect()
        stopped = parent.stopService()
        self.assertNoResult(stopped)
        self.assertEqual(self.there(), [])
        self.reactor.pump([1] * 12)
        self.successResultOf(stopped)

    def test_added_later(self) -> None:
        """Added to a service that runs it starts, and removed it stops."""
        parent = MultiService()
        parent.startService()
        tree = self.make()
        tree.setServiceParent(parent)
        self.assertEqual(self.there(), ["in"])
        self.successResultOf(tree.disownServiceParent())
        self.assertEqual(self.there(), [])

    def test_own_children(self) -> None:
        """A service of one's own that was added to it starts and stops with it."""
        tree, own = self.make(), MultiService()
        own.setServiceParent(tree)
        tree.startService()
        self.assertTrue(own.running)
        self.successResultOf(tree.stopService())
        self.assertFalse(own.running)
