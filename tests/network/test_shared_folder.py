"""Where another user can replace what root has made."""

from __future__ import annotations

import os
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.network.shared_folder import shared_folder_of
from tests.support.scratch import scratch_folder


@skipUnless(os.geteuid() == 0, "only root can give files away")
class SharedFolderTest(SynchronousTestCase):
    """Folders of root's and of others."""

    def setUp(self) -> None:
        """Choose a path that is two folders down."""
        self.folder = scratch_folder(self)
        self.inner = self.folder / "inner"
        self.inner.mkdir()
        self.path = str(self.inner / "x.sock")
        self.outside = shared_folder_of(str(self.folder))  # None but where this machine is odd

    def test_own(self) -> None:
        """There is none where only root may write, be it below a sticky one, or in one; nor where
        nothing is there yet.
        """
        self.assertEqual(shared_folder_of(self.path), self.outside)
        self.inner.chmod(0o1777)
        self.assertEqual(shared_folder_of(self.path), self.outside)
        missing = str(self.inner / "missing" / "x.sock")
        self.assertEqual(shared_folder_of(missing), self.outside)

    def test_shared(self) -> None:
        """It is the one where a group or anybody may write, or the one of another user, wherever on
        the way that is, and wherever a link leads.
        """
        link = self.folder / "link"
        link.symlink_to(self.inner)
        for mode in (0o770, 0o777):
            self.inner.chmod(mode)
            self.assertEqual(shared_folder_of(self.path), self.inner.resolve())
            self.assertEqual(shared_folder_of(str(link / "x.sock")), self.inner.resolve())
        self.inner.chmod(0o700)
        os.chown(self.inner, 65534, 65534)
        self.assertEqual(shared_folder_of(self.path), self.inner.resolve())
        os.chown(self.inner, 0, 0)
        os.chown(self.folder, 65534, 65534)
        self.assertEqual(shared_folder_of(self.path), self.folder.resolve())
