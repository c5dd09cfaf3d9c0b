"""A configuration that is read in a process of its own."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config import serialization
from pipetwist.config.document import Document
from pipetwist.config.reader_process import command
from pipetwist.config.reading import read_document
from pipetwist.config.serialization import serialize
from pipetwist.errors import ConfigError
from pipetwist.process.spawners import spawner_for
from pipetwist.service.reader import MAX_SECONDS, ProcessReader
from pipetwist.testing import FakeProcess, FakeSpawner
from tests.config.test_serialization import many
from tests.support.daemon import write_configuration
from tests.support.memory_transport import TurningReactor
from tests.support.scratch import has_ended, scratch_folder, wait_until

_BEFORE = many(10)


class _TurningClock(Clock):
    """One that, as a reactor does, leaves for the next turn what is asked for in a turn."""

    def turn(self) -> bool:
        """Do what is due now; false where nothing is."""
        due: list[Any] = [
            call for call in self.getDelayedCalls() if call.getTime() <= self.seconds()
        ]
        for call in due:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)
        return bool(due)


class ReadingTest(SynchronousTestCase):
    """A process that is the test's."""

    def setUp(self) -> None:
        """Begin to read."""
        self.clock = _TurningClock()
        self.spawner = FakeSpawner()
        self.reader = ProcessReader(self.clock, self.spawner)
        self.done = self.reader.read("/etc/a.json", _BEFORE)

    @property
    def process(self) -> FakeProcess:
        """The process that reads."""
        return self.spawner.processes[0]

    def say(self, *said: str) -> None:
        """Have it say serialization."""
        self.process.say("".join(f"{line}\n" for line in said).encode())

    def turns(self) -> None:
        """Turn as long as there is anything to do."""
        while self.clock.turn():
            pass

    def refused(self) -> str:
        """Why it failed."""
        self.turns()
        error = str(self.failureResultOf(self.done, ConfigError).value)
        prefix = "/etc/a.json: "
        self.assertTrue(error.startswith(prefix), error)
        self.assertEqual((self.clock.getDelayedCalls(), self.process.open), ([], set()))
        return error.removeprefix(prefix)

    def test_started(self) -> None:
        """It is this Python with these packages, which looks for them nowhere else, and has nothing
        to read from the daemon.
        """
        python, *words = self.process.command
        self.assertEqual(
            (python, words[:2], words[3]), (sys.executable, ["-I", "-c"], "/etc/a.json")
        )
        self.assertEqual(words[4], "[]")  # no kinds of a program's own
        self.assertEqual(words[6:], [folder for folder in sys.path if folder])
        self.assertNotIn(0, self.process.open)

    def test_slices(self) -> None:
        """However much it says at once, each turn of the reactor takes no more than 500 parts of
        it, users or anything else.
        """
        sizes: list[int] = []
        take = serialization.Deserializer.take

        def counted(assembly: Any, line: bytes) -> int:
            sizes[-1] += (size := take(assembly, line))
            return size

        self.patch(serialization.Deserializer, "take", counted)
        document = many(5000)
        self.say(*serialize(document))
        self.process.exit()
        while not self.done.called:
            sizes.append(0)
            self.clock.turn()
        self.assertEqual(self.successResultOf(self.done), document)
        self.assertLessEqual(max(sizes), 500)
        self.turns()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_torn(self) -> None:
        """If its answer comes in pieces that end anywhere, it is put together as it was said."""
        said = "".join(f"{line}\n" for line in serialize(many(300))).encode()
        for begin in range(0, len(said), 700):
            self.process.say(said[begin : begin + 700])
            self.turns()
        self.process.exit()
        self.turns()
        self.assertEqual(self.successResultOf(self.done), many(300))

    def test_much(self) -> None:
        """It is not read on as long as many lines wait to be taken, and is read on then."""
        self.say(*serialize(many(20_000)))
        self.assertTrue(self.process.paused)
        self.assertIn(" paused, ", repr(self.process._protocol))
        self.turns()
        self.assertFalse(self.process.paused)
        self.process.exit()
        self.turns()
        self.assertEqual(self.successResultOf(self.done), many(20_000))

    def test_problems(self) -> None:
        """What is wrong with the file is reported as it says it."""
        self.say(*serialize(ConfigError("/etc/a.json: one\n/etc/a.json: two")))
        self.process.exit()
        self.assertEqual(self.refused(), "one\n/etc/a.json: two")

    def test_died(self) -> None:
        """One that ends before it has said everything is an error: by which status or signal, and
        what it has complained of last.
        """
        for number, (end, why) in enumerate(
            (
                (
                    {"status": 1},
                    "the process that reads it exited with status 1: MemoryError: no more",
                ),
                (
                    {"number": 9},
                    "the process that reads it was killed by SIGKILL: MemoryError: no more",
                ),
                (
                    {},
                    (
                        "the process that reads it ended before it had sent everything: "
                        "MemoryError: no more"
                    ),
                ),
            )
        ):
            self.say(*list(serialize(many(200)))[:-1])
            self.process.say(b"Traceback:\n  at all\nMemoryError: no more\n\n", 2)
            self.process.exit(**end)
            self.assertEqual(self.refused(), why, number)
            self.setUp()

    def test_garbage(self) -> None:
        """One that says anything else is an error, and is killed, whatever it goes on to say."""
        self.say("Welcome to our Python")
        self.assertIn("sent something that is not a configuration", self.refused())
        self.assertEqual(self.spawner.signals, [(self.process, 9)])

    def test_endless(self) -> None:
        """So is one that says no line, without an end."""
        for _ in range(20):
            self.process.say(b"x" * (1 << 20))
        self.assertIn("sent something that is not a configuration", self.refused())

    def test_other_version(self) -> None:
        """If another version was installed meanwhile, it is said that this needs a restart."""
        self.say(
            '{"pipetwist.classes": [["pipetwist.inbounds.unix", "UnixInboundOptions", ["tag", '
            '"new_key"]]]}'
        )
        self.assertIn("needs a restart", self.refused())

    def test_late(self) -> None:
        """One that takes too long is killed."""
        self.turns()
        self.clock.advance(MAX_SECONDS)
        self.assertEqual(self.refused(), "reading it has taken more than 60 s")
        self.assertEqual(self.spawner.signals, [(self.process, 9)])

    def test_can_not_start(self) -> None:
        """If no process can be started, that is the error."""
        self.spawner.error = OSError(12, "Cannot allocate memory")
        self.done = self.reader.read("/etc/a.json", _BEFORE)
        error = str(self.failureResultOf(self.done, ConfigError).value)
        self.assertEqual(
            error, "/etc/a.json: no process can be started to read it: Cannot allocate memory"
        )

    def test_cancelled(self) -> None:
        """One that is not wanted any more is killed at once."""
        self.say(*serialize(many(5000)))
        self.clock.turn()
        self.done.cancel()
        self.failureResultOf(self.done, CancelledError)
        self.assertEqual(self.spawner.signals, [(self.process, 9)])
        self.turns()
        self.assertEqual((self.clock.getDelayedCalls(), self.process.open), ([], set()))

    def test_one_file(self) -> None:
        """A program that has no Python to start, as one that is a single file, reads in its own
        process.
        """
        path = write_configuration(scratch_folder(self), _GOOD)
        self.patch(sys, "executable", "")
        self.assertEqual(
            self.successResultOf(self.reader.read(str(path), _BEFORE)), read_document(path)
        )
        self.done.cancel()
        self.failureResultOf(self.done)


_GOOD = {
    "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
    "outbounds": [{"type": "fork", "tag": "out", "command": ["cat"]}],
}


class ProcessTest(SynchronousTestCase):
    """A real one."""

    def setUp(self) -> None:
        """Choose the folder."""
        self.folder = scratch_folder(self)
        self.reactor = TurningReactor()
        self.reader = ProcessReader(self.reactor, spawner_for(self.reactor))

    def read(self, path: Path, reader: ProcessReader | None = None) -> Deferred[Document]:
        """Read to the end."""
        done = (reader or self.reader).read(str(path), _BEFORE)
        self.turn_until(lambda: done.called)
        return done

    def turn_until(self, condition: Callable[[], bool]) -> None:
        """Turn until this holds."""

        def turned() -> bool:
            self.reactor.turn()
            self.reactor.advance(0)
            return condition()

        wait_until(turned, "the process", 50)

    def test_same(self) -> None:
        """It comes to the same document as reading here does, relative paths in the file's folder,
        whatever this process's folder is.
        """
        path = write_configuration(self.folder, _GOOD)
        self.assertEqual(self.successResultOf(self.read(path)), read_document(path))
        self.turn_until(lambda: self.reactor.readers == set())

    def test_same_problems(self) -> None:
        """It finds the same problems, in the same words."""
        path = self.folder / "pipetwist.json"
        for text in ('{"inbounds": [{"type": "unix", "tag": "ü>"}], "nothing": 1}', "{", ""):
            path.write_text(text, encoding="utf-8")
            here = self.assertRaises(ConfigError, read_document, str(path))
            self.assertEqual(
                str(self.failureResultOf(self.read(path), ConfigError).value), str(here)
            )
        path.unlink()
        self.assertIn(
            "the file can't be read", str(self.failureResultOf(self.read(path), ConfigError).value)
        )

    def test_folder(self) -> None:
        """What lies in the folder that the daemon stands in is not taken for a module: others may
        write there.
        """
        before = Path.cwd()
        path = write_configuration(self.folder, _GOOD)
        (self.folder / "json.py").write_text("raise SystemExit(7)", encoding="utf-8")
        os.chdir(self.folder)
        self.addCleanup(os.chdir, before)
        self.assertEqual(self.successResultOf(self.read(path)), read_document(path))

    def test_no_descriptors(self) -> None:
        """It has no file that the daemon has opened, only the three pipes that it talks by."""
        opened = os.open(self.folder, os.O_RDONLY)
        self.addCleanup(os.close, opened)
        # A number that the process itself comes to for nothing.
        inherited = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, 100)
        self.addCleanup(os.close, inherited)
        program = (
            "import os, sys; sys.stderr.write(' '.join(os.listdir('/proc/self/fd'))); sys.exit(3)"
        )
        reader = ProcessReader(
            self.reactor,
            spawner_for(self.reactor),
            lambda path: [sys.executable, "-I", "-c", program],
        )
        error = str(self.failureResultOf(self.read(self.folder / "a", reader), ConfigError).value)
        there = error.partition("status 3: ")[2].split()
        self.assertTrue({"0", "1", "2"} <= set(there), error)
        self.assertNotIn(str(inherited), there)

    def test_cancelled(self) -> None:
        """A process that is not wanted any more, whatever it waits for, is gone at once, and leaves
        nothing to be waited for.
        """
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        done = self.reader.read(str(fifo), _BEFORE)
        (pid,) = [reader._child.pid for reader in self.reactor.readers if hasattr(reader, "_child")]
        done.cancel()
        self.failureResultOf(done, CancelledError)
        wait_until(lambda: has_ended(pid), "the process to end")
        self.turn_until(lambda: self.reactor.readers == set())

    def test_command(self) -> None:
        """The command has no empty entry, which would be the current folder."""
        self.assertNotIn("", command("/a"))
