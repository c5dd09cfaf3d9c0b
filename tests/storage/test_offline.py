"""What commands do with a file of counters."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from zlib import crc32

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StoreError
from pipetwist.storage.layout import build
from pipetwist.storage.offline import Figures, forget_counters, read_counters, remarks
from pipetwist.storage.store import FileCounterStore
from pipetwist.storage.store_file import StoreFile
from tests.support.counter_files import (
    AMOUNTS,
    close,
    fail,
    figures,
    kill,
    open_store,
    quick_folder,
)


class _FileTestCase(SynchronousTestCase):
    """A file of counters, its daemon not running."""

    def setUp(self) -> None:
        """Make the file."""
        self.path = quick_folder(self) / "counters.db"
        store = open_store(self.path)
        for name, amount in reversed(AMOUNTS.items()):
            store.counter(name).add(amount)
        store.counter("user>>>alice>>>traffic>>>uplink").reset()
        store.counter("user>>>alice>>>traffic>>>uplink").add(5)
        close(store)

    def expected(self, *without: str) -> list[Figures]:
        """What is in the file."""
        values = (
            {**AMOUNTS, "user>>>alice>>>traffic>>>uplink": 70_005},
            {**AMOUNTS, "user>>>alice>>>traffic>>>uplink": 5},
        )
        return [
            Figures(name, values[0][name], values[1][name])
            for name in sorted(AMOUNTS)
            if name not in without
        ]


class MonitoringTest(_FileTestCase):
    """Reading, which changes nothing."""

    def test_closed(self) -> None:
        """The counters of a stopped daemon are read by name, and there is nothing to remark."""
        before = self.path.read_bytes(), self.path.stat().st_mtime_ns
        self.assertEqual(read_counters(self.path), self.expected())
        self.assertEqual(read_counters(str(self.path)), self.expected())
        self.assertEqual(remarks(self.path), [])
        self.assertEqual((self.path.read_bytes(), self.path.stat().st_mtime_ns), before)

    def test_killed(self) -> None:
        """Those of a killed daemon are read as well, and it is said that it was killed, and what it
        did not finish.
        """
        kill(open_store(self.path))
        self.assertEqual(read_counters(self.path), self.expected())
        (remark,) = remarks(self.path)
        self.assertIn("did not shut down cleanly", remark)
        with self.path.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"x")
        self.assertEqual(read_counters(self.path), self.expected())
        self.assertIn("the newest counters are incomplete", remarks(self.path)[1])

    def test_running(self) -> None:
        """Of a daemon that runs they are what it has counted up to now, and it is said that it
        runs.
        """
        store = open_store(self.path)
        store.counter("user>>>alice>>>traffic>>>uplink").add(1000)
        store.counter("new").add(3)
        self.assertEqual(
            {name: (total, value) for name, total, value in read_counters(self.path)},
            figures(store),
        )
        (remark,) = remarks(self.path)
        self.assertIn("a running daemon uses this file", remark)
        close(store)

    def test_half_written(self) -> None:
        """Of a running daemon a figure may be met half written: then it is looked at again. If no
        daemon runs that is damage.
        """
        good = self.path.read_bytes()
        bad = bytearray(kill(open_store(self.path)))
        bad[64 + 18] ^= 1
        answers: list[bytes] = []
        self.patch(StoreFile, "read", lambda file: answers.pop(0))
        store = FileCounterStore(self.path, fail)
        answers += [good]
        store.open()
        answers += [bytes(bad), bytes(bad), good]
        self.assertEqual(read_counters(self.path), self.expected())
        answers += [bytes(bad)] * 6
        self.assertRaises(StoreError, read_counters, self.path)
        self.assertEqual(answers, [])
        answers += [good]
        close(store)
        answers += [bytes(bad)] * 2
        self.assertRaises(StoreError, read_counters, self.path)
        self.assertEqual(answers, [])

    def test_several_records(self) -> None:
        """A counter that has several records is the sum of them."""
        self.path.write_bytes(build([("a", 10, 4), ("b", 1, 0), ("a", 100, 50)]))
        self.assertEqual(read_counters(self.path), [Figures("a", 110, 56), Figures("b", 1, 1)])

    def test_not_there(self) -> None:
        """A file that is not there, or that is none, is said to be so, and none is made."""
        folder = self.path.parent
        for path, said in (
            (folder / "none", "No such file"),
            (folder, "is no file"),
            (folder / "none" / "x", "No such file"),
        ):
            for use in (read_counters, remarks, lambda path: forget_counters(path, ["a"])):
                self.assertIn(
                    said,
                    str(self.assertRaises(StoreError, use, path)).replace(
                        "Is a directory", "is no file"
                    ),
                )
        fifo = folder / "fifo"
        os.mkfifo(fifo)
        self.assertIn("this is no file", str(self.assertRaises(StoreError, read_counters, fifo)))
        self.assertEqual(sorted(path.name for path in folder.iterdir()), ["counters.db", "fifo"])

    def test_other_version(self) -> None:
        """A file of another version says which."""
        data = bytearray(self.path.read_bytes())
        data[16] = 2
        data[20:24] = crc32(data[:20]).to_bytes(4, "little")
        self.path.write_bytes(data)
        self.assertIn(
            "of version 2, and this pipetwist knows version 1 only",
            str(self.assertRaises(StoreError, read_counters, self.path)),
        )


class ForgettingTest(_FileTestCase):
    """Removing."""

    def test_some(self) -> None:
        """Those that are named are removed, and their names given; the others stay as they were,
        resets included.
        """
        name = "inbound>>>pipe-in>>>traffic>>>uplink"
        self.assertEqual(forget_counters(self.path, ["zzz", name, "inbound"]), [name])
        self.assertEqual(read_counters(self.path), self.expected(name))
        self.assertEqual(remarks(self.path), [])
        store = open_store(self.path)
        self.assertIsNone(store.get(name))
        store.counter(name).add(1)
        close(store)
        self.assertEqual(
            read_counters(self.path), sorted([*self.expected(name), Figures(name, 1, 1)])
        )

    def test_none(self) -> None:
        """Where nothing is to be removed the file stays the same one."""
        before = self.path.stat()
        self.assertEqual(forget_counters(self.path, iter(["zzz"])), [])
        self.assertEqual(self.path.stat().st_ino, before.st_ino)

    def test_all(self) -> None:
        """All of them can be removed, and a daemon starts on the empty file."""
        self.assertEqual(forget_counters(self.path, AMOUNTS), sorted(AMOUNTS))
        self.assertEqual(read_counters(self.path), [])
        close(open_store(self.path))

    def test_killed(self) -> None:
        """The file of a killed daemon can be changed as well."""
        kill(open_store(self.path))
        self.assertEqual(
            forget_counters(self.path, ["user>>>alice>>>traffic>>>uplink"]),
            ["user>>>alice>>>traffic>>>uplink"],
        )
        self.assertEqual(read_counters(self.path), self.expected("user>>>alice>>>traffic>>>uplink"))

    def test_in_use(self) -> None:
        """While a daemon uses the file nothing is removed."""
        store = open_store(self.path)
        self.addCleanup(close, store)
        self.patch(sys.modules["pipetwist.storage.file"], "_LOCK_PAUSE", 0)
        before = self.path.read_bytes()
        text = str(self.assertRaises(StoreError, forget_counters, self.path, AMOUNTS))
        self.assertIn("a running daemon uses this file; stop it first", text)
        self.assertEqual(self.path.read_bytes(), before)

    def test_the_same_file(self) -> None:
        """The file keeps its mode, and a symbolic link to it stays one."""
        link = self.path.parent / "link"
        link.symlink_to(self.path.name)
        self.path.chmod(0o640)
        forget_counters(link, ["user>>>alice>>>traffic>>>uplink"])
        self.assertTrue(link.is_symlink())
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o640)
        self.assertEqual(read_counters(self.path), self.expected("user>>>alice>>>traffic>>>uplink"))

    def test_owner(self) -> None:
        """Root leaves the file to its owner."""
        if os.geteuid():
            return
        os.chown(self.path, 12345, 54321)
        forget_counters(self.path, ["user>>>alice>>>traffic>>>uplink"])
        self.assertEqual((self.path.stat().st_uid, self.path.stat().st_gid), (12345, 54321))

    def test_own(self) -> None:
        """One's own file is given to nobody: a file system without owners refuses that, even to its
        owner (chown(2), EPERM).
        """

        def refuse(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        self.patch(os, "fchown", refuse)
        os.chown(self.path, os.geteuid(), os.getegid())
        self.assertEqual(
            forget_counters(self.path, ["user>>>alice>>>traffic>>>uplink"]),
            ["user>>>alice>>>traffic>>>uplink"],
        )

    def test_crash(self) -> None:
        """A failure on the way leaves the file as it was, and nothing beside it."""
        before = self.path.read_bytes()

        def broken(*_: object, **__: object) -> None:
            raise OSError(5, "Input/output error")

        self.patch(os, "replace", broken)
        self.assertIn(
            "Input/output error",
            str(self.assertRaises(StoreError, forget_counters, self.path, AMOUNTS)),
        )
        self.assertEqual(self.path.read_bytes(), before)
        self.assertEqual([path.name for path in self.path.parent.iterdir()], ["counters.db"])


class LoadingTest(SynchronousTestCase):
    """What is loaded with the functions of the commands."""

    def test_light(self) -> None:
        """They load nothing of Twisted, grpc or pydantic."""
        program = (
            "import sys, pipetwist.storage.offline; print(*{name.partition('.')[0] for name in "
            "sys.modules})"
        )
        root = Path(__file__).parents[2]
        said = subprocess.run(
            [sys.executable, "-c", program],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        self.assertEqual(
            {"twisted", "grpc", "pydantic", "google"} & set(said.stdout.split()), set()
        )
