"""What a configuration counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.document import Document
from pipetwist.kinds.user_options import UserOptions
from pipetwist.service.counting import tracked_by
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.tracking import Tracked
from tests.support.documents import read, small

_ALL = {"enabled": True, "inbounds": "*", "outbounds": "*", "users": "*"}
_ALICE = UserOptions(name="alice", uid=1)


def document(**stats: Any) -> Document:
    """A document that counts these."""
    bob = {"name": "bob", "uid": 2}
    of_inbound: dict[str, Any] = small()
    of_inbound["inbounds"][0]["users"] = ["alice", bob, {"name": "bob", "gid": 3}]
    users = [{"name": "alice", "uid": 1}]
    return read({**of_inbound, "users": users, "experimental": {"v2ray_api": {"stats": stats}}})


class TrackedByTest(SynchronousTestCase):
    """Lists, and all of them."""

    def tracked(self, **stats: Any) -> Tracked:
        """What a document counts with these."""
        return Tracked(MemoryCounterStore(), **tracked_by(document(**stats)))

    def test_all(self) -> None:
        """With an asterisk everything that there is is counted, and users that come later too."""
        tracked = self.tracked(**_ALL)
        names = [("inbound", "in"), ("outbound", "out"), ("user", "alice"), ("user", "bob")]
        self.assertEqual(tracked.names(), names)
        self.assertTrue(tracked.tracks("user", "carol"))
        self.assertFalse(tracked.tracks("user", None))
        self.assertFalse(tracked.tracks("inbound", "other"))
        self.assertIsNotNone(tracked.tracker("other", "other", "carol"))
        self.assertIsNone(tracked.tracker("other", "other", None))

    def test_lists(self) -> None:
        """Lists count what they list."""
        tracked = self.tracked(enabled=True, users=["bob"])
        self.assertEqual(tracked.names(), [("user", "bob")])
        self.assertFalse(tracked.tracks("user", "alice"))

    def test_disabled(self) -> None:
        """Nothing is counted where counting is not enabled."""
        self.assertEqual(self.tracked(**{**_ALL, "enabled": False}).names(), [])

    def test_same(self) -> None:
        """Documents with the same users count the same, and others do not."""
        one = document(**_ALL)
        same = document(**_ALL)
        self.assertEqual(tracked_by(one), tracked_by(same))
        for users in ((), (_ALICE, _ALICE), (replace(_ALICE, uid=7),)):
            self.assertNotEqual(tracked_by(one), tracked_by(replace(one, users=users)))
        self.assertNotEqual(tracked_by(one), tracked_by(document(enabled=True, users=["bob"])))
