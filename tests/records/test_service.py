"""The service that writes connection records."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.connection.cause import Cause
from pipetwist.errors import StartError
from pipetwist.interfaces import IConnectionObserver
from pipetwist.logs.log_file import LogFile
from pipetwist.logs.writer import LINGER_SECONDS, Written
from pipetwist.records.service import ConnectionRecords, RecordSettings
from tests.support.connection_records import made_up
from tests.support.mailbox import Mailbox
from tests.support.scratch import scratch_folder, wait_until


class _Reactor(Mailbox, Clock):
    def __init__(self) -> None:
        Mailbox.__init__(self)
        Clock.__init__(self)


class RecordsTest(SynchronousTestCase):
    """A service whose reactor is the test's."""

    def setUp(self) -> None:
        """Choose the file."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "connections.jsonl"
        self.reactor = _Reactor()
        self.events: list[dict[str, Any]] = []

    def make(self, path: object = None, max_size: int = 0, **more: Any) -> ConnectionRecords:
        """Make the service."""
        log = Logger("pipetwist", observer=LogPublisher(self.events.append))  # type: ignore[arg-type]  # a list's append observes well
        settings = RecordSettings(str(path or self.path), max_size, more.pop("max_files", 0))
        return ConnectionRecords(settings, self.reactor, log, **more)

    def stop(self, records: ConnectionRecords) -> None:
        """Stop it, and wait until everything is written."""
        done = records.stopService()
        self.reactor.wait_for(done)
        self.successResultOf(done)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def said(self) -> list[str]:
        """What was logged."""
        return [formatEvent(event) for event in self.events]

    def read(self, path: Path | None = None) -> list[dict[str, Any]]:
        """The lines of a file."""
        text = (path or self.path).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def test_written(self) -> None:
        """Each connection that has closed is a line, in order; what opens, and who is rejected, is
        none. A stop writes what was still waiting.
        """
        records = self.make()
        verifyObject(IConnectionObserver, records)
        records.startService()
        for number in range(1, 101):
            connection = made_up(number=number)
            records.opened(connection)
            records.closed(connection, 0.5)
        records.rejected("in", Cause.REFUSED)
        self.stop(records)
        self.assertEqual([line["id"] for line in self.read()], list(range(1, 101)))
        self.assertEqual((records.lost, self.said()), (0, []))
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_again(self) -> None:
        """After a stop it starts anew, behind the lines that are there; in between nothing is
        written.
        """
        records = self.make()
        for number in (1, 2):
            records.closed(made_up(number=-number), 0.0)
            records.startService()
            records.closed(made_up(number=number), 0.0)
            self.stop(records)
        self.assertEqual([line["id"] for line in self.read()], [1, 2])

    def test_never_started(self) -> None:
        """One that was never started opens nothing, and stops."""
        self.successResultOf(self.make().stopService())
        self.assertFalse(self.path.exists())

    def test_rotated(self) -> None:
        """A file that is full becomes FILE.1, and so many are kept; no record is lost or cut."""
        records = self.make(max_size=1000, max_files=2)
        records.startService()
        for number in range(40):
            records.closed(made_up(number=number), 0.0)
        self.stop(records)
        names = sorted(path.name for path in self.folder.iterdir())
        self.assertEqual(names, [f"connections.jsonl{end}" for end in ("", ".1", ".2")])
        kept = [
            line["id"]
            for end in (".2", ".1", "")
            for line in self.read(self.path.with_name(f"connections.jsonl{end}"))
        ]
        self.assertEqual(kept, list(range(40))[-len(kept) :])
        for path in self.folder.iterdir():
            self.assertLessEqual(path.stat().st_size, 1000)

    def test_too_slow(self) -> None:
        """What there is no room for is counted at once, and once the disk takes something again, a
        line at that place says how many they are.
        """
        with self.full_pipe() as (reading, path):
            records = self.make(path, max_bytes=2000)
            records.startService()
            records.closed(made_up(number=0), 0.0)
            wait_until(lambda: not self.waiting(records), "the thread to stand still")
            for number in range(1, 101):
                records.closed(made_up(number=number), 0.0)
            lost = records.lost
            self.assertGreater(lost, 80)
            done = records.stopService()
            text = b""
            while not done.called:
                text += os.read(reading, 1 << 16)
                if b'"lost"' in text:
                    self.reactor.wait_for(done)
        lines = [json.loads(line) for line in text[text.index(b"{") :].splitlines()]
        self.assertEqual([line["id"] for line in lines[:-1]], list(range(101 - lost)))
        told = {key: value for key, value in lines[-1].items() if key != "time"}
        self.assertEqual(told, {"lost": lost, "reason": "the disk was too slow"})
        self.assertEqual(records.lost, lost)

    def test_full_disk(self) -> None:
        """What a full disk does not take is counted, each once, however often it is tried."""
        records = self.make("/dev/full")
        records.startService()
        for _ in range(5):
            records.closed(made_up(), 0.0)
        self.stop(records)
        self.assertEqual(records.lost, 5)

    def test_room_again(self) -> None:
        """Once a full disk has room again the file says how many are missing there."""
        full = [True]
        write = LogFile.write

        def limited(file: LogFile, data: bytes) -> Written:
            if full:
                return Written(0, OSError(28, "No space left on device"))
            return write(file, data)

        self.patch(LogFile, "write", limited)
        records = self.make()
        records.startService()
        for _ in range(3):
            records.closed(made_up(), 0.0)
        wait_until(lambda: records.lost == 3, "the loss")
        full.clear()
        records.closed(made_up(number=4), 0.0)
        self.stop(records)
        (told, line) = self.read()
        self.assertEqual((told["lost"], told["reason"]), (3, "No space left on device"))
        self.assertEqual((line["id"], records.lost), (4, 3))

    def test_stop_of_a_slow_disk(self) -> None:
        """A stop waits for a disk that takes nothing, but not for long."""
        with self.full_pipe() as (reading, path):
            records = self.make(path)
            records.startService()
            records.closed(made_up(), 0.0)
            done = records.stopService()
            self.reactor.advance(LINGER_SECONDS - 0.1)
            self.assertNoResult(done)
            self.reactor.advance(0.2)
            self.successResultOf(done)
            self.assertEqual(
                self.said(),
                [
                    (
                        f"log.connections: {path}: the last records can't be written: the disk was "
                        "too slow"
                    )
                ],
            )
            while b"\n" not in os.read(reading, 1 << 16):
                pass
            self.reactor.do_one()

    def test_not_rotated(self) -> None:
        """Where the full file can't be renamed it is logged, and grows."""
        self.patch(os, "replace", self.refuse)
        records = self.make(max_size=1000)
        records.startService()
        for number in range(5):
            records.closed(made_up(number=number), 0.0)
        self.stop(records)
        self.assertEqual([line["id"] for line in self.read()], list(range(5)))
        self.assertIn(f"log.connections: {self.path} can't be rotated, and", self.said()[0])

    def refuse(self, source: str, target: str) -> None:
        """Rename nothing."""
        raise PermissionError(1, "Operation not permitted", source)

    def test_not_opened(self) -> None:
        """A file that can't be opened, and a link that somebody may have put there, are an error of
        the start, in one line.
        """
        shared = self.folder / "shared"
        shared.mkdir()
        shared.chmod(0o777)
        (shared / "link").symlink_to("/etc/passwd")
        for path, why in (
            (self.folder / "missing" / "x", "No such file or directory"),
            (self.folder, "Is a directory"),
            (shared / "link", "it is a link that somebody else may have put there"),
        ):
            error = self.assertRaises(StartError, self.make(path).startService)
            self.assertTrue(str(error).startswith(f"log.connections: {path}: {why}"), error)

    def waiting(self, records: ConnectionRecords) -> int:
        """How many lines wait for the thread."""
        assert records._writer is not None
        return len(records._writer._queue._lines)

    def full_pipe(self) -> _FullPipe:
        """A pipe that takes nothing."""
        return _FullPipe(self.folder / "pipe")


class _FullPipe:
    """A named pipe that is filled up; its reading end and its path.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> tuple[int, Path]:
        os.mkfifo(self._path)
        self._reading = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        writing = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        try:
            while os.write(writing, b"." * 512):
                pass
        except BlockingIOError:
            os.set_blocking(self._reading, True)
        self._writing = writing
        return self._reading, self._path

    def __exit__(self, *_: object) -> None:
        os.close(self._writing)
        os.close(self._reading)
