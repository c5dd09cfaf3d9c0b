"""Listening on a path in a folder where somebody else may write, who exchanges the socket's file at
the worst moments.
"""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StartError
from pipetwist.network import unix_socket
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.network.unix_socket import UnixListeningSocket
from tests.support.stranger import STRANGER, needs_root, stranger_does, strangers_folder


class _StrangersTestCase(SynchronousTestCase):
    """A path in a stranger's folder, and a file of root's that the stranger has nothing to do
    with.
    """

    mode = 0o755
    owner = STRANGER

    def setUp(self) -> None:
        """Make both."""
        self.folder = strangers_folder(self, self.mode, self.owner)
        self.path = str(self.folder / "in.sock")
        self.victim = self.folder.parent / "victim"
        self.victim.touch(0o600)

    def listen(self, mode: int = 0o666, **more: Any) -> UnixListeningSocket:
        """Listen; the test's clean-up closes it."""
        listening = UnixListeningSocket("inbound in", self.path, mode, **more)
        self.addCleanup(listening.close)
        return listening

    def after_bind(self, act: Callable[[], None]) -> None:
        """Have something happen right after the file was made."""

        class Overtaken(ListeningSocket):
            """Is overtaken at each bind."""

            def bind(self, address: Any) -> None:
                super().bind(address)
                act()

        self.patch(unix_socket, "ListeningSocket", Overtaken)

    def assert_unharmed(self, path: Path | None = None, mode: int = 0o600) -> None:
        """The victim is root's, with the mode that it had."""
        found = os.lstat(path or self.victim)
        self.assertEqual((found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)), (0, 0, mode))


@needs_root
class ExchangedTest(_StrangersTestCase):
    """The folder is the stranger's."""

    def test_link_before_the_mode(self) -> None:
        """A link that takes the fresh file's place does not get its target the socket's mode and
        owner: the start fails and says so.
        """
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            self.after_bind(
                lambda: stranger_does("rm in.sock; ln -s ../victim in.sock", self.folder)
            )
            error = self.assertRaises(
                StartError, self.listen, owner=STRANGER, group=STRANGER, kind=kind
            )
            self.assertEqual(
                str(error),
                f"inbound in: somebody has put another file in the place of {self.path}; "
                "choose a folder where only you can write",
            )
            self.assert_unharmed()
            stranger_does("rm in.sock", self.folder)

    def test_other_socket_before_the_mode(self) -> None:
        """Nor does another socket of root's get it, under a name of its own or moved from where it
        was.
        """
        theirs = self.folder / "other.sock"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(theirs))
            theirs.chmod(0o600)
            for command in (("ln", "other.sock", "in.sock"), ("mv", "other.sock", "in.sock")):
                # As root: whether a stranger may make such a link depends on the system
                # (fs.protected_hardlinks).
                self.after_bind(lambda command=command: self._exchange(command))  # type: ignore[misc]  # mypy takes no lambda's default
                self.assertIn(
                    "another file in the place", str(self.assertRaises(StartError, self.listen))
                )
                self.assert_unharmed(Path(self.path))
                Path(self.path).unlink()

    def _exchange(self, command: tuple[str, ...]) -> None:
        Path(self.path).unlink()
        subprocess.run(command, cwd=self.folder, check=True, timeout=60)

    def test_link_at_a_reload(self) -> None:
        """A reload that changes the mode, or the owner, of a file that a link has taken the place
        of changes nothing, and says so.
        """
        listening = self.listen(0o600)
        stranger_does("rm in.sock; ln -s ../victim in.sock", self.folder)
        for owners in ({}, {"owner": STRANGER, "group": STRANGER}):
            error = self.assertRaises(StartError, listening.change_file, 0o666, **owners)
            self.assertEqual(
                str(error),
                f"inbound in: {self.path} is not its socket any more, and was not removed",
            )
            self.assert_unharmed()

    def test_exchanged_while_it_is_changed(self) -> None:
        """If the link comes between the look at the file and its change, it is the socket that is
        changed.
        """
        listening = self.listen(0o600)
        chown = os.chown

        def overtaken(path: Any, *arguments: Any, **more: Any) -> None:
            stranger_does("rm -f in.sock; ln -s ../victim in.sock", self.folder)
            chown(path, *arguments, **more)

        self.patch(os, "chown", overtaken)
        listening.change_file(0o666, STRANGER, STRANGER)
        self.assert_unharmed()

    def test_link_at_the_stop(self) -> None:
        """At the stop a link in the file's place stays, and so does what it leads to."""
        listening = self.listen()
        stranger_does("rm in.sock; ln -s ../victim in.sock", self.folder)
        listening.close()
        self.assert_unharmed()
        self.assertTrue(Path(self.path).is_symlink())

    def test_folder_exchanged_at_the_stop(self) -> None:
        """At the stop no file of that name goes in another folder, to which the folder's name leads
        by now.
        """
        self.folder = self.folder / "inner"
        stranger_does("mkdir inner", self.folder.parent)
        self.path = str(self.folder / "in.sock")
        listening = self.listen()
        elsewhere = self.victim.with_name("elsewhere")
        elsewhere.mkdir()
        (elsewhere / "in.sock").touch()
        stranger_does("mv inner gone; ln -s ../elsewhere inner", self.folder.parent)
        listening.close()
        self.assertTrue((elsewhere / "in.sock").exists())

    def test_stale_exchanged(self) -> None:
        """What comes to a stale file's name just before that is removed is put back."""
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(self.path)
        rename = os.rename
        exchanges = ["rm in.sock; echo precious > in.sock"]

        def overtaken(*arguments: Any, **more: Any) -> None:
            if exchanges:
                stranger_does(exchanges.pop(), self.folder)
            rename(*arguments, **more)

        self.patch(os, "rename", overtaken)
        self.assertIn("exists and is not a socket", str(self.assertRaises(StartError, self.listen)))
        self.assertEqual(Path(self.path).read_text(encoding="utf-8"), "precious\n")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["in.sock"])

    def test_lock_of_theirs(self) -> None:
        """A file, a pipe or a link of the stranger's where the lock would be keeps nobody from
        replacing a stale file, and stays.
        """
        for made in (
            "touch .in.sock.lock",
            "mkfifo .in.sock.lock",
            "ln -s ../victim .in.sock.lock",
            "mkdir .in.sock.lock",
        ):
            stranger_does(made, self.folder)
            with socket.socket(socket.AF_UNIX) as left:
                left.bind(self.path)
            self.listen().close()
            self.assertEqual([path.name for path in self.folder.iterdir()], [".in.sock.lock"])
            self.assert_unharmed()
            stranger_does("rm -r .in.sock.lock", self.folder)


@needs_root
class StickyTest(_StrangersTestCase):
    """The folder is everybody's, as /tmp is."""

    mode = 0o1777
    owner = 0

    def test_link(self) -> None:
        """A link of the stranger's that stands at the path keeps the daemon from starting, and its
        target stays as it is.
        """
        for target in ("../victim", "nothing"):
            stranger_does(f"ln -s {target} in.sock", self.folder)
            self.assertIn(
                "exists and is not a socket", str(self.assertRaises(StartError, self.listen))
            )
            self.assert_unharmed()
            self.assertFalse((self.folder / "nothing").exists())
            stranger_does("rm in.sock", self.folder)
