"""The way to a file, along links."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.safe_files import folder as folder_module
from pipetwist.safe_files import held as held_module
from pipetwist.safe_files.held import Identity
from pipetwist.safe_files.walk import StrangersLinkError, walk
from tests.support.loop import open_descriptors
from tests.support.scratch import scratch_folder
from tests.support.stranger import STRANGER, needs_root, stranger_does, strangers_folder


class WalkTest(SynchronousTestCase):
    """Links of this user's own."""

    def setUp(self) -> None:
        """Folders and links between them."""
        self.top = Path(os.path.realpath(scratch_folder(self)))
        (self.top / "a" / "b").mkdir(parents=True)
        (self.top / "a" / "b" / "file").touch()

    def walk(self, path: Path | str) -> tuple[str, str]:
        """Where it ends: the folder's path and the name."""
        folder, name = walk(path)
        with folder:
            self.assertEqual(
                Identity.of(os.fstat(folder.descriptor)), Identity.of(Path(folder.path).stat())
            )
            return folder.path, name

    def test_plain(self) -> None:
        """A path without links is gone as it is written, relative ones from the working folder,
        whether the file is there or not.
        """
        inner = str(self.top / "a" / "b")
        self.assertEqual(self.walk(f"{inner}/file"), (inner, "file"))
        self.assertEqual(self.walk(f"{inner}/../b//./none"), (inner, "none"))
        before = Path.cwd()
        os.chdir(self.top)
        try:
            self.assertEqual(self.walk("a/b/file"), (inner, "file"))
        finally:
            os.chdir(before)
        self.assertEqual(self.walk("/"), ("/", "."))

    def test_links(self) -> None:
        """Links to folders and files, relative, absolute and to links, lead where the system goes
        itself.
        """
        (self.top / "folder").symlink_to("a")
        (self.top / "a" / "up").symlink_to("../folder/b")
        (self.top / "a" / "b" / "absolute").symlink_to(
            self.top / "folder" / "b" / ".." / "b" / "file"
        )
        for path in ("folder/b/file", "a/up/file", "folder/up/absolute", "folder/up/../b/absolute"):
            self.assertEqual(self.walk(self.top / path), (str(self.top / "a" / "b"), "file"), path)

    def test_no_way(self) -> None:
        """A missing folder, a file in a folder's place and links in a circle are the system's
        errors; no descriptor stays open.
        """
        (self.top / "one").symlink_to("two")
        (self.top / "two").symlink_to("one")
        before = open_descriptors()
        for path, number in (
            ("none/file", errno.ENOENT),
            ("a/b/file/file", errno.ENOTDIR),
            ("one", errno.ELOOP),
            ("one/x", errno.ELOOP),
        ):
            self.assertEqual(self.assertRaises(OSError, walk, self.top / path).errno, number)
        self.assertEqual(open_descriptors() - before, set())


class ElsewhereWalkTest(WalkTest):
    """The same where the system has no descriptors that only say which file it is."""

    def setUp(self) -> None:
        """Take O_PATH away."""
        self.patch(held_module, "O_PATH", 0)
        self.patch(folder_module, "O_PATH", 0)
        super().setUp()


@needs_root
class StrangersLinkTest(SynchronousTestCase):
    """Links of somebody else's."""

    def test_refused(self) -> None:
        """Another user's link is not followed, be it the last component or before; one of root's in
        the same folder is.
        """
        theirs = strangers_folder(self)
        (theirs.parent / "ours").mkdir()
        stranger_does("ln -s ../ours link; ln -s ../ours/file file", theirs)
        for path, at in (("link/file", "link"), ("file", "file")):
            error = self.assertRaises(StrangersLinkError, walk, theirs / path)
            self.assertEqual((error.path, error.uid), (str(theirs / at), STRANGER))
        (theirs / "mine").symlink_to("../ours/file")
        folder, name = walk(theirs / "mine")
        folder.close()
        self.assertEqual((folder.path, name), (str(theirs.parent / "ours"), "file"))
