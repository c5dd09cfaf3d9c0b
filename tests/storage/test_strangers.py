"""A file of counters in a folder where somebody else may write."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StoreError
from pipetwist.storage.offline import forget_counters
from pipetwist.storage.store import FileCounterStore
from tests.support.counter_files import AMOUNTS, close, fail, open_store
from tests.support.stranger import STRANGER, needs_root, stranger_does, strangers_folder


class _StrangersTestCase(SynchronousTestCase):
    """A path there, and a folder of root's beside, where the stranger may do nothing."""

    mode = 0o755
    owner = STRANGER

    def setUp(self) -> None:
        """Make both folders."""
        self.folder = strangers_folder(self, self.mode, self.owner)
        self.path = self.folder / "counters.db"
        self.ours = self.folder.parent / "ours"
        self.ours.mkdir(0o700)

    def refusal(self) -> str:
        """What is said where the file can't be opened."""
        return str(self.assertRaises(StoreError, FileCounterStore(self.path, fail).open))


@needs_root
class StickyFolderTest(_StrangersTestCase):
    """The folder is everybody's, as /tmp is."""

    mode = 0o1777
    owner = 0

    def test_link_to_nothing(self) -> None:
        """A stranger's link does not have a file made where it leads."""
        stranger_does("ln -s ../ours/new counters.db", self.folder)
        target = self.ours / "new"
        self.assertEqual(
            self.refusal(),
            f"{self.path}: {self.path} is a symbolic link of user {STRANGER}, who could "
            "redirect it; "
            f"write the path {target} itself, or choose another",
        )
        self.assertEqual(list(self.ours.iterdir()), [])

    def test_link_to_counters(self) -> None:
        """Nor does it have another daemon's counters opened."""
        close(open_store(self.ours / "counters.db"))
        before = (self.ours / "counters.db").read_bytes()
        stranger_does("ln -s ../ours/counters.db counters.db", self.folder)
        self.assertIn("is a symbolic link of user", self.refusal())
        self.assertEqual((self.ours / "counters.db").read_bytes(), before)

    def test_file_of_theirs(self) -> None:
        """A stranger's file, which its owner could cut while it is mapped, is not used."""
        close(open_store(self.ours / "counters.db"))
        self.ours.chmod(0o755)
        (self.ours / "counters.db").chmod(0o644)
        stranger_does("cp ../ours/counters.db counters.db; chmod 666 counters.db", self.folder)
        self.assertEqual(
            self.refusal(),
            f"{self.path}: the file is that of user {STRANGER}, in a folder where others may "
            "write; choose another path",
        )

    def test_ours(self) -> None:
        """A file of this user's own, and a link of root's, are used there as anywhere."""
        close(open_store(self.path))
        (self.folder / "link").symlink_to("counters.db")
        close(open_store(self.folder / "link"))


@needs_root
class StrangersFolderTest(_StrangersTestCase):
    """The folder is the stranger's, who exchanges things at the worst moments."""

    def before(self, name: str, script: str) -> None:
        """Have the stranger do something once before a call of the system."""
        call: Callable[..., Any] = getattr(os, name)
        scripts = [script]

        def overtaken(*arguments: Any, **more: Any) -> Any:
            if scripts:
                stranger_does(scripts.pop(), self.folder)
            return call(*arguments, **more)

        self.patch(os, name, overtaken)

    def test_link_as_it_is_made(self) -> None:
        """A link that comes to the name while the file is made does not have one made where it
        leads.
        """
        self.before("link", "ln -s ../ours/new counters.db")
        self.assertIn("can't be used", self.refusal())
        self.assertEqual(list(self.ours.iterdir()), [])

    def test_folder_exchanged_as_it_is_made(self) -> None:
        """If the folder is exchanged for a link while the file is made, nothing is made in what the
        link leads to.
        """
        self.folder = self.folder / "inner"
        self.path = self.folder / "counters.db"
        stranger_does("mkdir inner", self.folder.parent)
        self.before("link", "cd ..; mv inner gone; ln -s ../ours inner")
        close(open_store(self.path))
        self.assertEqual(list(self.ours.iterdir()), [])
        self.assertEqual(
            [path.name for path in (self.folder.parent / "gone").iterdir()], ["counters.db"]
        )

    def test_exchanged_as_counters_are_forgotten(self) -> None:
        """If the folder is exchanged for a link while counters are forgotten, no file that it leads
        to is replaced.
        """
        self.folder = self.folder / "inner"
        self.path = self.folder / "counters.db"
        stranger_does("mkdir inner", self.folder.parent)
        for path in (self.path, self.ours / "counters.db"):
            store = open_store(path)
            for name in AMOUNTS:
                store.counter(name)
            close(store)
        before = Path.stat(self.ours / "counters.db")
        self.before("replace", "cd ..; mv inner gone; ln -s ../ours inner")
        forget_counters(self.path, AMOUNTS)
        after = Path.stat(self.ours / "counters.db")
        self.assertEqual(
            (after.st_ino, after.st_mtime_ns, stat.S_IMODE(after.st_mode)),
            (before.st_ino, before.st_mtime_ns, 0o600),
        )
        self.assertEqual([path.name for path in self.ours.iterdir()], ["counters.db"])
