"""Opening the log's file where others can write near."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.logs.file_opening import open_log_file, real_path
from tests.support.scratch import scratch_folder

_SOMEBODY = 65534


class LinksTest(SynchronousTestCase):
    """Links that a path ends in."""

    def setUp(self) -> None:
        """Choose a link, and where it leads."""
        self.folder = scratch_folder(self)
        self.file = self.folder / "real.log"
        self.link = self.folder / "own.log"
        self.link.symlink_to(self.file)

    def test_own(self) -> None:
        """One's own link in one's own folder is followed, be its text relative or a link's."""
        other = self.folder / "other.log"
        other.symlink_to("own.log")
        self.assertEqual(real_path(str(other)), str(self.file))
        self.assertEqual(real_path(str(self.file)), str(self.file))

    def test_circle(self) -> None:
        """Links that lead to each other are an error."""
        self.link.unlink()
        self.link.symlink_to(self.link)
        self.assertEqual(self.refused(), errno.ELOOP)

    def test_anybody_writes(self) -> None:
        """No link is followed in a folder where anybody can exchange it; in a sticky one it stays
        whose it is.
        """
        self.folder.chmod(0o777)
        self.assertEqual(self.refused(), errno.EPERM)
        self.folder.chmod(0o1777)
        self.assertEqual(real_path(str(self.link)), str(self.file))

    def test_strangers(self) -> None:
        """Root follows neither a stranger's link in a sticky folder nor any link in a stranger's
        folder, nor where a group may write.
        """
        if os.geteuid() != 0:
            message = "only root can give files away"
            raise SkipTest(message)
        self.folder.chmod(0o1777)
        os.lchown(self.link, _SOMEBODY, _SOMEBODY)
        self.assertEqual(self.refused(), errno.EPERM)
        os.lchown(self.link, 0, 0)
        self.folder.chmod(0o775)
        self.assertEqual(self.refused(), errno.EPERM)
        self.folder.chmod(0o755)
        self.assertEqual(real_path(str(self.link)), str(self.file))
        os.chown(self.folder, _SOMEBODY, _SOMEBODY)
        self.assertEqual(self.refused(), errno.EPERM)

    def test_kernels(self) -> None:
        """The name of a descriptor, such as /dev/stdout, is left to the kernel."""
        self.link.unlink()
        self.link.symlink_to("/proc/self/fd/1")
        self.assertEqual(real_path(str(self.link)), "/proc/self/fd/1")

    def refused(self) -> int | None:
        """The number of the error."""
        number: int | None = self.assertRaises(OSError, real_path, str(self.link)).errno
        return number


class OpeningTest(SynchronousTestCase):
    """The file itself."""

    def setUp(self) -> None:
        """Choose it."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "own.log"

    def open(self, *arguments: object) -> os.stat_result:
        """Open it, and say what it is."""
        descriptor = open_log_file(str(self.path), *arguments)  # type: ignore[arg-type]  # they are what the test says
        self.addCleanup(os.close, descriptor)
        return os.fstat(descriptor)

    def test_new(self) -> None:
        """A new one has the mode that is asked for, whatever the umask, or else what the umask
        leaves.
        """
        before = os.umask(0o027)
        self.addCleanup(os.umask, before)
        self.assertEqual(stat.S_IMODE(self.open().st_mode), 0o640)
        self.path.unlink()
        self.assertEqual(stat.S_IMODE(self.open(0o666).st_mode), 0o666)

    def test_owner(self) -> None:
        """Root gives a new one to whom it will belong, and leaves one that is there as it is."""
        if os.geteuid() != 0:
            message = "only root can give files away"
            raise SkipTest(message)
        self.assertEqual(self.open(None, (_SOMEBODY, 7)).st_uid, _SOMEBODY)
        self.assertEqual(self.open(None, (1, 1)).st_uid, _SOMEBODY)

    def test_link(self) -> None:
        """A link that has come to its name since is not followed."""
        self.path.symlink_to(self.folder / "victim")
        error = self.assertRaises(OSError, self.open)
        self.assertEqual(error.errno, errno.ELOOP)
        (self.folder / "victim").touch()
        self.assertEqual(self.assertRaises(OSError, self.open).errno, errno.ELOOP)

    def test_stranger(self) -> None:
        """A file that somebody else has put into a sticky folder is refused: he could read the log,
        and change it.
        """
        if os.geteuid() != 0:
            message = "only root can give files away"
            raise SkipTest(message)
        self.path.touch()
        os.chown(self.path, _SOMEBODY, _SOMEBODY)
        self.folder.chmod(0o1777)
        error = self.assertRaises(OSError, self.open)
        self.assertEqual((error.errno, Path(error.filename)), (errno.EPERM, self.path))
        self.assertIn("somebody else", str(error.strerror))
        self.assertEqual(self.open(None, (_SOMEBODY, _SOMEBODY)).st_uid, _SOMEBODY)
