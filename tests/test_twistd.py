"""What is looked at of twistd's own options by who is not root; tests.interop.test_running has them
with twistd itself.
"""

from __future__ import annotations

import os
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StartError
from pipetwist.twistd import check_paths
from tests.support.scratch import scratch_folder

_SOMEBODY = 65534


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
    """A pidfile in a folder where others may write."""

    def setUp(self) -> None:
        """Have a file that is not to be written to."""
        self.folder = scratch_folder(self)
        self.victim = self.folder / "victim"
        self.victim.touch()
        self.shared = self.folder / "shared"
        self.shared.mkdir()
        self.pidfile = self.shared / "own.pid"

    def refusal(self) -> str:
        """Why it is refused."""
        options = {"pidfile": str(self.pidfile)}
        return str(self.assertRaises(StartError, check_paths, options))

    def test_link(self) -> None:
        """A link in a folder where anybody may write is refused: twistd would write to its target,
        as root.
        """
        self.pidfile.symlink_to(self.victim)
        check_paths({"pidfile": str(self.pidfile)})
        self.shared.chmod(0o777)
        self.assertEqual(
            self.refusal(),
            f"--pidfile={self.pidfile}: {self.pidfile}: it is a link that somebody else may have "
            "put there; name the file itself",
        )

    @skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_strangers_folder(self) -> None:
        """Root refuses a link in the folder of the user that it is to become, too; a pidfile itself
        may be there, and need not be.
        """
        os.chown(self.shared, _SOMEBODY, _SOMEBODY)
        options = {"pidfile": str(self.pidfile), "uid": _SOMEBODY}
        check_paths(options)
        self.pidfile.touch()
        os.chown(self.pidfile, _SOMEBODY, _SOMEBODY)
        check_paths(options)
        self.pidfile.unlink()
        self.pidfile.symlink_to(self.victim)
        self.assertIn("it is a link", str(self.assertRaises(StartError, check_paths, options)))

    @skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_strangers_file(self) -> None:
        """A pidfile of somebody else's in a folder as /tmp is refused: he could have root send its
        signals to any process.
        """
        self.shared.chmod(0o1777)
        self.pidfile.touch()
        check_paths({"pidfile": str(self.pidfile)})
        os.chown(self.pidfile, _SOMEBODY, _SOMEBODY)
        self.assertIn("it belongs to somebody else", self.refusal())
        check_paths({"pidfile": str(self.pidfile), "uid": _SOMEBODY})
