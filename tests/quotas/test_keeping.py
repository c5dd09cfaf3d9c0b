"""Whether the file of quotas is the one that a daemon counts in."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.quotas.keeping import is_kept, missing, strayed
from pipetwist.storage.file import open_file
from tests.support.scratch import scratch_folder


class KeepingTest(SynchronousTestCase):
    """A file of counters, and one of quotas beside it."""

    def setUp(self) -> None:
        """Choose their places."""
        self.store = scratch_folder(self) / "counters.db"
        self.quotas = Path(f"{self.store}.quotas")

    def use(self, *paths: Path) -> None:
        """Use them, as a daemon does, until the end of the test."""
        for path in paths:
            self.addCleanup(open_file(path, create=True).close)

    def test_used(self) -> None:
        """A daemon counts there."""
        self.use(self.store, self.quotas)
        self.assertTrue(is_kept(str(self.store)))
        self.assertIsNone(strayed(str(self.store)))
        self.assertIsNone(missing(str(self.store)))

    def test_stopped(self) -> None:
        """None runs, and the file has it all."""
        for path in (self.store, self.quotas):
            open_file(path, create=True).close()
        self.assertFalse(is_kept(str(self.store)))
        self.assertIsNone(strayed(str(self.store)))
        self.assertIsNone(missing(str(self.store)))

    def test_none_yet(self) -> None:
        """None has counted yet."""
        self.assertFalse(is_kept(str(self.store)))
        self.assertIsNone(strayed(str(self.store)))
        self.assertIn("nothing was used yet, unless it was removed", str(missing(str(self.store))))

    def test_removed(self) -> None:
        """The file was removed under the daemon."""
        self.use(self.store, self.quotas)
        self.quotas.unlink()
        self.assertTrue(is_kept(str(self.store)))
        said = str(strayed(str(self.store)))
        self.assertIn(f"{self.quotas}: a daemon runs that uses {self.store}, but there is no", said)
        self.assertIn("if it was removed, the daemon counts on", said)

    def test_moved_away(self) -> None:
        """Another file has its place."""
        self.use(self.store, self.quotas)
        self.quotas.rename(f"{self.store}.moved")
        open_file(self.quotas, create=True).close()
        self.assertTrue(is_kept(str(self.store)))
        self.assertIn("but it counts in another file. If", str(strayed(str(self.store))))
        self.quotas.unlink()
        Path(f"{self.store}.moved").rename(self.quotas)
        self.assertIsNone(strayed(str(self.store)))

    def test_store_removed(self) -> None:
        """That of the counters may have gone instead."""
        self.use(self.store, self.quotas)
        self.store.unlink()
        self.assertTrue(is_kept(str(self.store)))
        self.assertIsNone(strayed(str(self.store)))
