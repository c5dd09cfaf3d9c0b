"""What was used, in a real file, of a daemon that runs, was killed, or has stopped."""

from __future__ import annotations

import time
from datetime import timezone
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.kinds.limit_options import QuotaOptions
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.quota_table import QuotaTable
from pipetwist.quotas.stored import Stored, quota_path
from pipetwist.storage.offline import change_counters, read_counters
from pipetwist.storage.store import FileCounterStore

_QUOTAS = {
    "alice": (QuotaOptions(bytes=100, per="day"), QuotaOptions(bytes=1000)),
    "bob": (QuotaOptions(bytes=50, per="month", starts=15, count="up"),),
}
_UTC = timezone.utc


class StoredTest(SynchronousTestCase):
    """`Stored`, and the file of a `QuotaTable`."""

    def setUp(self) -> None:
        """A file that a daemon has open."""
        self.path = quota_path(self.mktemp())
        self.store = FileCounterStore(self.path, lambda name, error: self.fail(name))
        self.store.open()
        self.now = time.time()
        self.table = QuotaTable(
            Clock(),
            Calendar(lambda: self.now, _UTC),
            self.store.counter,
            lambda name: self.store.get(name) is not None,
            self.fail,
        )
        self.table.configure(lambda user: _QUOTAS[user])
        self.addCleanup(self.table.stop)
        for quota in self.table.of("alice"):
            quota.take(70)

    def stop(self) -> None:
        """Stop in order."""
        self.store.detach()
        self.store.close()

    def used(self) -> list[tuple[str, int, int]]:
        """The rows in short."""
        rows = Stored(read_counters(self.path)).rows(_QUOTAS, self.now, _UTC)
        return [(row.user, row.options.bytes, row.used) for row in rows]

    def test_running(self) -> None:
        """A daemon need not be asked; who never came has used nothing."""
        self.addCleanup(self.stop)
        self.assertEqual(self.used(), [("alice", 1000, 70), ("alice", 100, 70), ("bob", 50, 0)])

    def test_killed(self) -> None:
        """What a killed daemon leaves has everything. A copy of the file is what a kill leaves."""
        self.addCleanup(self.stop)
        copy = Path(self.mktemp())
        copy.write_bytes(Path(self.path).read_bytes())
        again = FileCounterStore(copy, lambda name, error: self.fail(name))
        again.open()
        self.addCleanup(again.close)
        self.addCleanup(again.detach)
        table = QuotaTable(
            Clock(),
            Calendar(lambda: self.now, _UTC),
            again.counter,
            lambda name: again.get(name) is not None,
            self.fail,
        )
        table.configure(lambda user: _QUOTAS[user])
        self.addCleanup(table.stop)
        self.assertEqual([quota.used for quota in table.of("alice")], [70, 70])

    def test_anew(self) -> None:
        """It says when it begins anew, and what is left."""
        self.stop()
        for_all_time, day, month = Stored(read_counters(self.path)).rows(
            _QUOTAS, 2_000_000_000.0, _UTC
        )
        self.assertEqual((for_all_time.anew, for_all_time.left), (None, 930))
        self.assertEqual((day.anew, month.anew), (2_000_073_600, 2_002_406_400))

    def test_another_day(self) -> None:
        """On another day the daily one is whole."""
        self.stop()
        rows = Stored(read_counters(self.path)).rows(_QUOTAS, self.now + 86400, _UTC)
        self.assertEqual([row.used for row in rows], [70, 0, 0])

    def test_reset(self) -> None:
        """The file of a stopped daemon can be begun anew, for one user."""
        self.stop()
        stored = Stored(read_counters(self.path))
        stored.reset({"alice": _QUOTAS["alice"]}, self.now, _UTC)
        change_counters(self.path, stored.written)
        self.assertEqual([used for *_, used in self.used()], [0, 0, 0])
        store = FileCounterStore(self.path, lambda name, error: self.fail(name))
        contents = store.open()
        self.assertEqual((contents.torn, len(contents.slots)), (0, 2))
        store.detach()
        store.close()
