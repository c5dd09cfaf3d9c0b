"""What is looked at of twistd's own options by who is not root; tests.interop.test_running has them
with twistd itself.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StartError
from pipetwist.twistd import check_paths


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
