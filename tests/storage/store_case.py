"""A store in a file of a test's own."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.storage.store import FileCounterStore
from tests.support.counter_files import close, open_store, quick_folder

__all__ = ["StoreTestCase"]


class StoreTestCase(SynchronousTestCase):
    """A path for a file."""

    def setUp(self) -> None:
        """Choose it."""
        self.path = quick_folder(self) / "counters.db"

    def open(self) -> FileCounterStore:
        """Open a store; the test's clean-up closes it."""
        store = open_store(self.path)
        self.addCleanup(close, store)
        return store
