"""Quotas in the tree of services: the file that they need, and reloads."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipetwist.api.options import ApiOptions, StatsOptions
from pipetwist.config.document import Document, ExperimentalOptions
from pipetwist.errors import StartError
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.limit_options import QuotaOptions, UserLimitOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.quotas.stored import quota_path
from pipetwist.service.tree import PipetwistService
from pipetwist.storage.offline import read_counters
from tests.support.scratch import scratch_folder


class ServiceTest(TestCase):
    """Trees with and without quotas."""

    def setUp(self) -> None:
        """Choose the folder."""
        self.folder = scratch_folder(self)

    def document(self, *, quota: int | None, store: bool = True) -> Document:
        """One user, with a quota of so many bytes or none."""
        quotas = None if quota is None else (QuotaOptions(bytes=quota, per="day"),)
        user = UserOptions(name="me", uid=1, limits=UserLimitOptions(quota=quotas))
        stats = StatsOptions(store=str(self.folder / "counters.db") if store else None)
        return Document(
            users=(user,),
            inbounds=(UnixInboundOptions(tag="in", path=str(self.folder / "in"), users="*"),),
            outbounds=(UnixOutboundOptions(tag="out", path=str(self.folder / "out")),),
            experimental=ExperimentalOptions(v2ray_api=ApiOptions(stats=stats)),
        )

    def start(self, document: Document) -> PipetwistService:
        """Start a tree, which the clean-up stops."""
        tree = PipetwistService(document, reactor)
        tree.privilegedStartService()
        tree.startService()
        self.addCleanup(tree.stopService)
        return tree

    def test_no_file(self) -> None:
        """Without a file for what is used it does not start, wherever the users come from."""
        error = self.assertRaises(
            StartError, PipetwistService, self.document(quota=1, store=False), reactor
        )
        self.assertIn("experimental.v2ray_api.stats.store", str(error))

    def test_none(self) -> None:
        """Without quotas there is no file, and nothing looks at a clock."""
        tree = self.start(self.document(quota=None))
        self.assertIsNone(tree.relay.connection_table.limits.quotas)
        self.assertEqual([path.name for path in self.folder.glob("*.quotas")], [])

    def test_reload(self) -> Deferred[None]:
        """A reload changes and removes quotas."""
        tree = self.start(self.document(quota=100))
        quotas = tree.relay.connection_table.limits.quotas
        assert quotas is not None
        (quota,) = quotas.of("me")
        quota.take(70)
        self.assertTrue((self.folder / quota_path("counters.db")).exists())

        def changed(_: None) -> Deferred[None]:
            (other,) = quotas.of("me")
            self.assertEqual((other.used, other.take(500)), (70, 80))
            return tree.reload(self.document(quota=None))

        def removed(_: None) -> None:
            self.assertEqual(quotas.of("me"), ())

        return tree.reload(self.document(quota=150)).addCallback(changed).addCallback(removed)

    async def test_stop(self) -> None:
        """A tree that has stopped looks at the clock no more."""
        tree = self.start(self.document(quota=100))
        await tree.stopService()
        quotas = tree.relay.connection_table.limits.quotas
        assert quotas is not None
        self.assertIsNone(quotas._look_call)

    async def test_again(self) -> None:
        """One that is started again goes on counting in the file, and looks at the clock."""
        tree = self.start(self.document(quota=100))
        quotas = tree.relay.connection_table.limits.quotas
        assert quotas is not None
        quotas.of("me")[0].take(70)
        await tree.stopService()
        tree.privilegedStartService()
        tree.startService()
        quotas.of("me")[0].take(10)
        self.assertIsNotNone(quotas._look_call)
        await tree.stopService()
        path = quota_path(str(self.folder / "counters.db"))
        self.assertEqual(sum(one.value for one in read_counters(path)), 80)

    async def test_first_at_a_reload(self) -> None:
        """The first quota needs a restart, and says so."""
        tree = self.start(self.document(quota=None))
        with self.assertRaises(StartError) as refused:
            await tree.reload(self.document(quota=100))
        self.assertIn("restart it", str(refused.exception))
