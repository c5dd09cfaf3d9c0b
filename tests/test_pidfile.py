"""The pidfile. Somebody who may write its folder can do nothing to other files."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import skipUnless

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StartError
from pipetwist.pidfile import Pidfile
from tests.support.scratch import scratch_folder

_SOMEBODY = 65534
_AS_ROOT = skipUnless(os.geteuid() == 0, "only root can give files away")


class _PidfileTestCase(SynchronousTestCase):
    """A pidfile in a folder, and a file beside the folder that nobody may change."""

    def setUp(self) -> None:
        """Make the folder."""
        self.outside = scratch_folder(self)
        self.victim = self.outside / "victim"
        self.victim.write_text("precious", encoding="ascii")
        self.folder = self.outside / "shared"
        self.folder.mkdir()
        self.path = self.folder / "own.pid"
        self.pidfile = Pidfile(str(self.path))
        self.addCleanup(self.check_outside)

    def check_outside(self) -> None:
        """Remove the pidfile; the file outside is what it was."""
        self.pidfile.remove()
        self.assertEqual(self.victim.read_text(encoding="ascii"), "precious")

    def refusal(self) -> str:
        """Why it isn't written."""
        message = str(self.assertRaises(StartError, self.pidfile.write))
        label = f"--pidfile={self.path}: "
        self.assertTrue(message.startswith(label), message)
        return message.removeprefix(label)

    def others(self) -> list[str]:
        """What else is in the folder."""
        return [path.name for path in self.folder.iterdir() if path != self.path]


class LifeTest(_PidfileTestCase):
    """From the start to the stop."""

    def test_written(self) -> None:
        """It has the number of this process, until it is removed."""
        self.pidfile.write()
        self.assertEqual(self.path.read_text(encoding="ascii"), str(os.getpid()))
        self.assertIn("own.pid", repr(self.pidfile))
        self.pidfile.remove()
        self.pidfile.remove()
        self.assertEqual((self.path.exists(), self.others()), (False, []))

    def test_none(self) -> None:
        """Without a path nothing is written."""
        pidfile = Pidfile("")
        pidfile.remove_stale()
        pidfile.write()
        pidfile.remove()
        self.assertEqual(repr(pidfile), "<Pidfile none not written>")

    def test_removed_by_another(self) -> None:
        """A file that somebody has removed is not missed, nor its folder."""
        self.pidfile.write()
        self.path.unlink()
        self.folder.rmdir()
        with capturedLogs() as events:
            self.pidfile.remove()
        self.assertEqual(list(events), [])

    def test_of_another(self) -> None:
        """A file that another daemon has put there since stays, though it has the same number."""
        self.pidfile.write()
        self.path.unlink()
        self.path.write_text(str(os.getpid()), encoding="ascii")
        self.pidfile.remove()
        self.assertTrue(self.path.exists())

    def test_can_not_be_removed(self) -> None:
        """Where it can't be removed, the log says why."""
        self.pidfile.write()

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        self.patch(os, "rename", refuse)
        with capturedLogs() as events:
            self.pidfile.remove()
        (event,) = events
        self.assertEqual(event["path"], str(self.path))
        self.assertIn("Permission denied", str(event["error"]))


class StaleTest(_PidfileTestCase):
    """A file of before."""

    def test_ended(self) -> None:
        """That of a process that has ended is replaced, and so is one with this process' own
        number, which containers give out again and again.
        """
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        for number in (child, os.getpid()):
            self.path.write_text(f"{number}\n", encoding="ascii")
            self.pidfile.remove_stale()
            self.assertEqual((self.path.exists(), self.others()), (False, []))
        self.path.write_text(str(child), encoding="ascii")
        self.pidfile.write()
        self.assertEqual(self.path.read_text(encoding="ascii"), str(os.getpid()))

    def test_running(self) -> None:
        """That of a process which runs is kept, and prevents the start."""
        self.path.write_text(str(os.getppid()), encoding="ascii")
        self.assertIn(f"process {os.getppid()}, whose ID it contains, is running", self.refusal())
        self.assertRaises(StartError, self.pidfile.remove_stale)
        self.assertEqual(self.path.read_text(encoding="ascii"), str(os.getppid()))

    def test_running_of_others(self) -> None:
        """A process that this user may not signal runs, too."""

        def refuse(pid: int, number: int) -> None:
            raise PermissionError(pid, number)

        self.patch(os, "kill", refuse)
        self.path.write_text("1", encoding="ascii")
        self.assertIn("process 1,", self.refusal())

    def test_no_number(self) -> None:
        """What is no process ID is not taken for one: no process group either, which 0 and -1 are
        to kill(2).
        """
        for text in ("", "0", "-1", "x", "1 2", "9" * 20, "\u0661", "1" * 40):
            self.path.write_text(text, encoding="utf-8")
            self.assertIn("it contains no process ID", self.refusal(), repr(text))
        self.assertTrue(self.path.exists())


class AttackTest(_PidfileTestCase):
    """Somebody who may write its folder."""

    def test_put_there_in_time(self) -> None:
        """A link, a file or a pipe that appears between the look and the creation is not written
        to: a start of root's would have overwritten what it leads to. Nor is a link read.
        """

        def link() -> None:
            self.path.symlink_to(self.victim)

        def hard_link() -> None:
            self.path.hardlink_to(self.victim)

        def pipe() -> None:
            os.mkfifo(self.path)

        for attack in (link, hard_link, pipe):
            with self._before_opening(os.O_CREAT, attack):
                self.assertEqual(self.refusal(), "File exists")
            self.path.unlink()
        self.victim.write_text(str(os.getpid()), encoding="ascii")
        with self._before_opening(os.O_NONBLOCK, link):
            self.assertEqual(self.refusal(), os.strerror(errno.ELOOP))
        self.victim.write_text("precious", encoding="ascii")

    def test_exchanged_in_time(self) -> None:
        """The folder that was looked at is the one that is written to, whatever its name leads to
        by then.
        """
        elsewhere = self.outside / "elsewhere"
        moved = self.outside / "moved"
        elsewhere.mkdir()

        def exchange() -> None:
            self.folder.rename(moved)
            self.folder.symlink_to(elsewhere)

        with self._before_opening(os.O_CREAT, exchange):
            self.pidfile.write()
        self.assertEqual([list(elsewhere.iterdir()), len(list(moved.iterdir()))], [[], 1])

    def test_hard_link(self) -> None:
        """A file that has another name elsewhere loses this one, and its content stays."""
        self.victim.write_text(str(os.getpid()), encoding="ascii")
        self.path.hardlink_to(self.victim)
        self.pidfile.write()
        self.pidfile.remove()
        self.assertEqual(self.victim.read_text(encoding="ascii"), str(os.getpid()))
        self.victim.write_text("precious", encoding="ascii")

    def test_waits_for_nothing(self) -> None:
        """A pipe or a device is refused at once, and not read."""
        os.mkfifo(self.path)
        self.assertIn("it is not a regular file; --pidfile= writes none", self.refusal())

    def test_own_link(self) -> None:
        """A link of this user's, as on a way to another disk, is followed as before."""
        target = self.outside / "elsewhere.pid"
        self.path.symlink_to(target)
        self.pidfile.write()
        self.assertEqual(target.read_text(encoding="ascii"), str(os.getpid()))
        self.pidfile.remove()
        self.assertEqual([target.exists(), self.path.is_symlink()], [False, True])

    @_AS_ROOT
    def test_strangers_link(self) -> None:
        """A link of another user's is not followed, wherever it is on the way."""
        self.path.symlink_to(self.victim)
        os.chown(self.path, _SOMEBODY, _SOMEBODY, follow_symlinks=False)
        self.assertIn(f"{self.path} is a symbolic link of user {_SOMEBODY}", self.refusal())
        self.path.unlink()
        way = self._strangers_way()
        self.pidfile = Pidfile(str(way / "own.pid"))
        error = self.assertRaises(StartError, self.pidfile.write)
        self.assertIn(f"{way} is a symbolic link of user {_SOMEBODY}", str(error))
        self.assertEqual(self.others(), [])

    @_AS_ROOT
    def test_strangers_file(self) -> None:
        """A stranger's file in a folder as /tmp is replaced, and not written to: the stranger could
        have root send its signals to any process.
        """
        self.folder.chmod(0o1777)
        self.path.write_text(str(os.getpid()), encoding="ascii")
        os.chown(self.path, _SOMEBODY, _SOMEBODY)
        self.pidfile.write()
        self.assertEqual(self.path.stat().st_uid, 0)

    def _strangers_way(self) -> Path:
        way = self.outside / "way"
        way.symlink_to(self.folder)
        os.chown(way, _SOMEBODY, _SOMEBODY, follow_symlinks=False)
        return way

    @contextlib.contextmanager
    def _before_opening(self, flag: int, attack: Callable[[], None]) -> Iterator[None]:
        """Have the attack come in the last moment before a file is opened with this flag."""
        opened = os.open

        def attacked(path: str, flags: int, *rest: Any, **named: Any) -> int:
            if flags & flag:
                attack()
            return opened(path, flags, *rest, **named)

        patch = self.patch(os, "open", attacked)
        try:
            yield
        finally:
            patch.restore()
