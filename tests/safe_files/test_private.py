"""A folder of ours alone."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.private import PrivateFolder
from tests.support.scratch import scratch_folder
from tests.support.stranger import needs_root, stranger_does, strangers_folder


def _make(test: SynchronousTestCase, path: Path) -> PrivateFolder:
    """Make one; the test's clean-up closes it."""
    within = Folder(path)
    test.addCleanup(within.close)
    private = PrivateFolder(within)
    test.addCleanup(private.folder.close)
    return private


class PrivateFolderTest(SynchronousTestCase):
    """In a folder of the test's own."""

    def test_private(self) -> None:
        """Only its owner can enter it, whatever the umask, and it goes when it is removed."""
        self.addCleanup(os.umask, os.umask(0))
        path = scratch_folder(self)
        private = _make(self, path)
        (made,) = path.iterdir()
        self.assertEqual(stat.S_IMODE(made.stat().st_mode), 0o700)
        private.remove()
        self.assertEqual(list(path.iterdir()), [])


@needs_root
class ExchangedTest(SynchronousTestCase):
    """In a folder where somebody else may write, who puts a link to a folder of root's in its
    place.
    """

    def test_exchanged(self) -> None:
        """What is made by its path is made in the folder itself, and another server's socket stays;
        so does the link.
        """
        path = strangers_folder(self)
        elsewhere = path.parent / "elsewhere"
        elsewhere.mkdir()
        victim = elsewhere / "api.sock"
        with socket.socket(socket.AF_UNIX) as other, socket.socket(socket.AF_UNIX) as ours:
            other.bind(str(victim))
            private = _make(self, path)
            stranger_does(
                'for made in .??*; do mv "$made" kept; ln -s ../elsewhere "$made"; done', path
            )
            before = victim.lstat()
            ours.bind(private.folder.path_of("api.sock"))
            self.assertEqual(victim.lstat(), before)
            self.assertTrue((path / "kept" / "api.sock").is_socket())
        private.remove()
        self.assertEqual(len(list(path.glob(".??*"))), 1)
