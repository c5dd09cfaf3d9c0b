"""What is looked at of twistd's own options by who is not root; tests.interop.test_running has them
with twistd itself.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StartError
from pipetwist.twistd import check_paths, take_pidfile
from tests.support.scratch import scratch_folder


class NobodyTest(SynchronousTestCase):
    """Started by user 1000 of group 1000."""

    def setUp(self) -> None:
        """Be that user."""
        for name in ("getuid", "geteuid", "getgid"):
            self.patch(os, name, lambda: 1000)

    def test_refused(self) -> None:
        """Where twistd is to do what only root may, one line says so."""
        for options, says in (
            ({"uid": 0}, "--uid=0: only root may become another user"),
            ({"uid": 1000, "gid": 0}, "--gid=0: only root may take another group"),
            ({"chroot": "/"}, "--chroot=/: only root may go there"),
        ):
            self.assertEqual(str(self.assertRaises(StartError, check_paths, options)), says)

    def test_same(self) -> None:
        """To stay who one is needs no rights, and nothing is asked of users where no option names
        one.
        """
        check_paths({"uid": 1000, "gid": 1000})
        check_paths({"uid": None, "gid": None, "chroot": None})
        check_paths({})


class PidfileTest(SynchronousTestCase):
    """The pidfile is taken from twistd."""

    def setUp(self) -> None:
        """Have a folder for it."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "own.pid"

    def test_taken(self) -> None:
        """It has none itself then, neither to look at nor to write; that of a process which
        has ended is gone, at its absolute path.
        """
        self.path.write_text(str(os.getpid()), encoding="ascii")
        options = {"pidfile": os.path.relpath(self.path)}
        self.assertEqual(take_pidfile(options).path, str(self.path))
        self.assertEqual((options, self.path.exists()), ({"pidfile": ""}, False))

    def test_none(self) -> None:
        """There is none with twist, and none with ``--pidfile=``."""
        for options in ({}, {"pidfile": ""}, {"pidfile": None}):
            self.assertEqual(take_pidfile(options).path, "")

    def test_another_root(self) -> None:
        """With ``--chroot`` the path is one in there, and nothing outside is touched."""
        self.path.write_text(str(os.getpid()), encoding="ascii")
        pidfile = take_pidfile({"pidfile": str(self.path), "chroot": "/"})
        self.assertEqual((pidfile.path, self.path.exists()), (str(self.path), True))
