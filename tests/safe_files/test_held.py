"""Files that are held, and folders, on a system with descriptors that only say which file it is,
and on one without.
"""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.safe_files import folder as folder_module
from pipetwist.safe_files import held as held_module
from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.held import HeldFile, Identity
from tests.support.loop import open_descriptors
from tests.support.scratch import scratch_folder


class HeldTest(SynchronousTestCase):
    """One file."""

    def setUp(self) -> None:
        """A folder with a socket's file."""
        self.path = scratch_folder(self)
        self.file = self.path / "s"
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(self.file))
        self.file.chmod(0o600)
        self.folder = Folder(self.path)
        self.addCleanup(self.folder.close)

    def mode(self, name: str = "s") -> int:
        """An entry's mode."""
        return stat.S_IMODE((self.path / name).lstat().st_mode)

    def test_chmod(self) -> None:
        """It is changed under whatever name it has by now, and what has its name is not."""
        with self.folder.hold("s") as held:
            self.file.rename(self.path / "moved")
            self.file.touch(0o600)
            held.chmod(0o644)
        self.assertEqual((self.mode(), self.mode("moved")), (0o600, 0o644))

    def test_link(self) -> None:
        """A link is held itself, and neither it nor its target gets another mode."""
        (self.path / "link").symlink_to("s")
        with self.folder.hold("link") as held:
            self.assertTrue(stat.S_ISLNK(held.status.st_mode))
            self.assertFalse(held.is_socket)
            self.assertRaises(OSError, held.chmod, 0o666)
        self.assertEqual(self.mode(), 0o600)

    def test_nothing_there(self) -> None:
        """If there is no such entry that is an error, and no descriptor stays open."""
        before = open_descriptors()
        self.assertRaises(FileNotFoundError, self.folder.hold, "none")
        with self.folder.hold("s"):
            pass
        self.assertEqual(open_descriptors() - before, set())

    def test_shown(self) -> None:
        """Both say what they are."""
        with self.folder.hold("s") as held:
            self.assertIn("HeldFile s", repr(held))
        self.assertIn(str(self.path), repr(self.folder))


class ElsewhereTest(HeldTest):
    """A system that is not Linux, played by one that is: without O_PATH nothing is held, and what
    was exchanged meanwhile is refused.
    """

    def setUp(self) -> None:
        """Take O_PATH away."""
        self.patch(held_module, "O_PATH", 0)
        self.patch(folder_module, "O_PATH", 0)
        super().setUp()
        chmod = os.chmod

        def chmod_link_itself(path: Any, mode: int, **more: Any) -> None:
            if more.pop("follow_symlinks", True) is False and (self.path / path).is_symlink():
                raise NotImplementedError  # as on Linux before fchmodat2
            chmod(path, mode, **more)

        self.patch(os, "chmod", chmod_link_itself)

    def test_chmod(self) -> None:
        """A file that is still there is changed; another that has its name is not."""
        with self.folder.hold("s") as held:
            held.chmod(0o640)
            self.assertEqual(self.mode(), 0o640)
            self.file.rename(self.path / "moved")
            self.file.touch(0o600)
            self.assertRaises(OSError, held.chmod, 0o644)
            self.assertRaises(OSError, held.chown, os.getuid(), -1)
        self.assertEqual((self.mode(), self.mode("moved")), (0o600, 0o640))


class RemoveTest(SynchronousTestCase):
    """Removing an entry that is a certain file."""

    def setUp(self) -> None:
        """A folder with a file."""
        self.path = scratch_folder(self)
        self.file = self.path / "f"
        self.file.touch()
        self.wanted = Identity.of(self.file.lstat())
        self.folder = Folder(self.path)
        self.addCleanup(self.folder.close)

    def overtake(self, act: Any) -> None:
        """Have something happen between the look at the entry and its removal."""
        rename, waiting = os.rename, [act]

        def overtaken(*arguments: Any, **more: Any) -> None:
            if waiting:
                waiting.pop()()
            rename(*arguments, **more)

        self.patch(os, "rename", overtaken)

    def names(self) -> list[str]:
        """What is in the folder."""
        return sorted(path.name for path in self.path.iterdir())

    def test_removed(self) -> None:
        """It goes; what is not there any more, or is another file, is left alone."""
        self.assertTrue(self.folder.remove("f", self.wanted))
        self.assertFalse(self.folder.remove("f", self.wanted))
        self.file.touch()
        self.assertFalse(self.folder.remove("f", Identity(0, 0)))
        self.assertEqual(self.names(), ["f"])

    def test_overtaken(self) -> None:
        """Whatever has come to its name a moment before is there again afterwards: a file, a link,
        a folder that is not empty.
        """
        held = HeldFile(self.folder.descriptor, "f")
        self.addCleanup(held.close)
        kept = self.path / "kept"
        for script in ("touch f", "ln -s nothing f", "mkdir f; touch f/x"):
            self.overtake(lambda script=script: self._shell(f"mv f kept; {script}"))
            self.assertFalse(self.folder.remove("f", self.wanted))
            self.assertEqual(self.names(), ["f", "kept"])
            self.assertNotEqual(self.folder.identity("f"), self.wanted)
            self.file.rename(scratch_folder(self) / "over")
            kept.rename(self.file)

    def _shell(self, script: str) -> None:
        subprocess.run(["sh", "-ec", script], cwd=self.path, check=True, timeout=60)

    def test_gone_meanwhile(self) -> None:
        """One that somebody else removes at that moment is no error."""
        self.overtake(self.file.unlink)
        self.assertFalse(self.folder.remove("f", self.wanted))
