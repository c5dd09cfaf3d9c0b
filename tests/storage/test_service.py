"""The service of a file of counters, and its thread."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.logger import LogEvent, Logger, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StoreError
from pipetwist.storage.layout import parse
from pipetwist.storage.offline import read_counters, remarks
from pipetwist.storage.service import StorageService
from pipetwist.storage.sync_thread import SyncThread
from tests.support.counter_files import close, kill, open_store, quick_folder
from tests.support.mailbox import Mailbox
from tests.support.scratch import wait_until

_WAIT = 60.0


class Disk:
    """A store whose disk is the test's."""

    def __init__(self) -> None:
        self.outcomes: list[BaseException | None] = []
        self.synced = threading.Semaphore(0)
        self.threads: set[threading.Thread] = set()
        self.closed = False
        self.lacks_room = False
        self.finders: list[threading.Thread] = []
        self.path = "counters.db"
        self.offsets: list[str | None] = []

    def lost(self) -> str | None:
        """Be where the test says."""
        return self.offsets.pop(0) if self.offsets else None

    def find_room(self) -> int:
        """Find room for three the second time."""
        self.finders.append(threading.current_thread())
        self.lacks_room = len(self.finders) < 2
        return 0 if self.lacks_room else 3

    def sync(self) -> None:
        """Fail as the test says, or not."""
        self.threads.add(threading.current_thread())
        outcome = self.outcomes.pop(0) if self.outcomes else None
        self.synced.release()
        if outcome is not None:
            raise outcome

    def close(self) -> None:
        """Note it."""
        self.closed = True
        self.sync()


class SyncingTest(SynchronousTestCase):
    """The thread."""

    def setUp(self) -> None:
        """Have a disk and a log."""
        self.disk = Disk()
        self.reactor = Mailbox()
        self.events: list[LogEvent] = []

    def start(self, interval: float) -> SyncThread:
        """Start syncing."""
        syncing = SyncThread(self.disk, interval, self.reactor, Logger(observer=self.events.append))  # type: ignore[arg-type]  # what is used of them
        syncing.start()
        return syncing

    def said(self) -> list[str]:
        """What was logged."""
        return [f"{event['log_level'].name}: {formatEvent(event)}" for event in self.events]

    def test_syncs(self) -> None:
        """It syncs again and again, in one thread of its own, and in the end it closes and the
        thread ends.
        """
        syncing = self.start(0.001)
        for _ in range(5):
            self.assertTrue(self.disk.synced.acquire(timeout=_WAIT))
        self.assertFalse(self.disk.closed)
        self.reactor.wait_for(syncing.stop())
        self.assertTrue(self.disk.closed)
        (thread,) = self.disk.threads
        thread.join(_WAIT)
        self.assertFalse(thread.is_alive())
        self.assertIsNot(thread, threading.current_thread())
        self.assertEqual(self.said(), [])

    def test_ends_at_once(self) -> None:
        """A stop does not wait for the interval, however long that is."""
        self.reactor.wait_for(self.start(2.0**33).stop())
        self.assertTrue(self.disk.closed)

    def test_trouble(self) -> None:
        """A disk that takes nothing is logged once for each trouble, and once when it takes
        something again; a mistake is logged as one.
        """
        full, broken = (
            OSError(errno.ENOSPC, "No space left on device"),
            OSError(errno.EIO, "Input/output error"),
        )
        self.disk.outcomes = [full, full, broken, None, None, KeyError("a mistake"), None]
        syncing = self.start(0.001)
        for _ in range(8):
            self.assertTrue(self.disk.synced.acquire(timeout=_WAIT))
        self.reactor.wait_for(syncing.stop())
        self.assertEqual(
            [text.partition(";")[0] for text in self.said()],
            [
                "error: The counters can't be written to the disk: No space left on device",
                "error: The counters can't be written to the disk: Input/output error",
                "info: The counters are written to the disk again",
                "critical: The counters could not be synced",
            ],
        )

    def test_finds_room(self) -> None:
        """Counters without room are tried again after a sync, in the reactor's thread, and it is
        said when there was some.
        """
        self.disk.lacks_room = True
        syncing = self.start(0.001)
        while self.disk.lacks_room:
            self.reactor.do_one()
        self.reactor.wait_for(syncing.stop())
        self.assertEqual(set(self.disk.finders), {threading.current_thread()})
        self.assertIn("info: There is room again: 3 counters", self.said()[0])

    def test_lost(self) -> None:
        """That the file was removed, or moved, is a warning, said once, and so is that it is there
        again.
        """
        self.disk.offsets = [None, "moved", "moved", None, "removed", "removed", "removed"]
        syncing = self.start(0.001)
        while self.disk.offsets:
            self.assertTrue(self.disk.synced.acquire(timeout=_WAIT))
        self.reactor.wait_for(syncing.stop())
        self.assertEqual(
            [
                text.partition(":")[0] + text.partition(":")[2].partition(":")[0]
                for text in self.said()[:3]
            ],
            [
                "warn The file of counters counters.db was moved away",
                "info The file of counters counters.db is at its path again",
                "warn The file of counters counters.db was removed",
            ],
        )

    def test_lost_in_the_end(self) -> None:
        """A stop says so as well, where it comes before the next sync: the next start does not
        begin at 0 without a word.
        """
        self.disk.offsets = ["removed"]
        self.reactor.wait_for(self.start(1000).stop())
        self.assertEqual(
            [text.partition(" was ")[0] for text in self.said()],
            ["warn: The file of counters counters.db"],
        )

    def test_trouble_in_the_end(self) -> None:
        """A close that fails is logged, and the stop is over all the same."""
        self.disk.outcomes = [OSError(errno.EIO, "Input/output error")]
        self.reactor.wait_for(self.start(2.0**33).stop())
        self.assertIn("Input/output error", self.said()[0])


class ServiceTest(SynchronousTestCase):
    """The service."""

    def setUp(self) -> None:
        """Choose the path."""
        self.path = quick_folder(self) / "counters.db"
        self.reactor = Mailbox()

    def start(self, interval: float = 1000) -> StorageService:
        """Start a service; the test's clean-up stops it."""
        service = StorageService(self.path, interval, self.reactor, Logger())
        self.addCleanup(lambda: self.reactor.wait_for(service.stopService()))
        service.startService()
        return service

    def logged(self, start: Callable[[], Any]) -> list[str]:
        """What a start logs."""
        with capturedLogs() as events:
            start()
        return [f"{event['log_level'].name}: {formatEvent(event)}" for event in events]

    def test_nothing_yet(self) -> None:
        """Before the start there is no file and no thread."""
        before = threading.active_count()
        service = StorageService(self.path, 1, self.reactor, Logger())
        self.assertFalse(self.path.exists())
        self.assertEqual(threading.active_count(), before)
        self.successResultOf(service.stopService())

    def test_first_start(self) -> None:
        """The first start makes the file, and says where it is."""
        self.assertEqual(
            self.logged(self.start),
            [f"info: The counters are kept in {self.path}, which has 0 of them"],
        )

    def test_stop(self) -> None:
        """After the stop the file is sealed and has everything, and there is nothing to remark."""
        service = self.start()
        service.store.counter("a").add(3)
        self.reactor.wait_for(service.stopService())
        self.assertEqual(
            [(figures.name, figures.total) for figures in read_counters(self.path)], [("a", 3)]
        )
        self.assertEqual(remarks(self.path), [])
        self.assertEqual(
            self.logged(self.start),
            [f"info: The counters are kept in {self.path}, which has 1 of them"],
        )

    def test_sync(self) -> None:
        """What was synced is said in the file to be on the disk."""
        service = self.start(0.001)
        service.store.counter("a")
        wait_until(lambda: parse_synced(self.path) >= 128, "the sync")
        self.assertEqual(parse(self.path.read_bytes()).end, 128)

    def test_file_goes(self) -> None:
        """A file that is moved away, put back, replaced by another and removed is reported within
        an interval; the counters go on.
        """
        moved, other = self.path.with_name("moved"), self.path.with_name("other")
        close(open_store(other))
        steps: list[tuple[Callable[[], Any], str]] = [
            (lambda: self.path.rename(moved), "warn: The file of counters PATH was moved away"),
            (
                lambda: moved.rename(self.path),
                "info: The file of counters PATH is at its path again",
            ),
            (
                lambda: (self.path.rename(moved), other.rename(self.path)),
                "warn: The file of counters PATH was moved away",
            ),
            (moved.unlink, "warn: The file of counters PATH was removed"),
        ]
        with capturedLogs() as events:
            counter = self.start(0.001).store.counter("a")
            for act, said in steps:
                act()
                self.reactor.do_one()
                self.assertIn(
                    said.replace("PATH", str(self.path)),
                    f"{events[-1]['log_level'].name}: {formatEvent(events[-1])}",
                )
                counter.add(1)
        self.assertEqual((len(events), counter.total()), (5, 4))

    def test_after_a_kill(self) -> None:
        """A start after a kill says that there was one, and what it cleared."""
        close(open_store(self.path))
        kill(open_store(self.path))
        with self.path.open("r+b") as file:
            file.seek(200)
            file.write(b"abc")
        said = self.logged(self.start)
        self.assertEqual([text.partition(":")[0] for text in said], ["info", "info", "warn"])
        self.assertIn("did not shut down cleanly; no counts are lost", said[1])
        self.assertIn("139 bytes at its end were cleared", said[2])

    def test_refused(self) -> None:
        """A file that can't be used ends the start, with no thread."""
        before = threading.active_count()
        self.path.write_bytes(b"something else")
        service = StorageService(self.path, 1, self.reactor, Logger())
        self.assertIn(
            "the file is not a file of counters",
            str(self.assertRaises(StoreError, service.startService)),
        )
        self.assertFalse(service.running)
        self.assertEqual(
            (threading.active_count(), self.path.read_bytes()), (before, b"something else")
        )

    def test_no_room(self) -> None:
        """A counter for which there is no room is logged as an error."""
        service = self.start()
        said = self.logged(lambda: service._unsaved("name", OSError(errno.ENOSPC, "No space")))
        self.assertEqual(
            [text.partition(". ")[0] for text in said],
            [f"error: There is no room in {self.path} for the counter name: No space"],
        )


def parse_synced(path: Path) -> int:
    """How many bytes a file says that it has on the disk."""
    data = path.read_bytes()
    return int.from_bytes(data[32:40], "little") // 269
