"""Who may use and lock a unix socket's file."""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
import socket
import stat
import time
from typing import Any
from unittest import skipUnless

from hypothesis import given, settings
from hypothesis import strategies as st

from pipetwist.network import unix_socket
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.network.unix_socket import UnixListeningSocket
from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.lock import locked
from tests.network.unix_socket_case import SocketTestCase
from tests.support.examples import examples

_AS_ROOT = skipUnless(os.geteuid() == 0, "needs root")


class ModeTest(SocketTestCase):
    """The file's mode."""

    def test_listens(self) -> None:
        """It listens, on a socket that no command inherits."""
        listening = self.listen()
        self.assertTrue(self.connects())
        self.assertFalse(listening.socket.get_inheritable())

    @settings(max_examples=examples(20), deadline=None, database=None)
    @given(mode=st.integers(0, 0o777), umask=st.sampled_from([0, 0o022, 0o077, 0o777]))
    def test_any_mode(self, mode: int, umask: int) -> None:
        """The file has the mode that was asked for, whatever the umask."""
        before = os.umask(umask)
        try:
            listening = UnixListeningSocket("inbound in", self.path, mode)
        finally:
            os.umask(before)
        try:
            self.assertEqual(stat.S_IMODE(os.lstat(self.path).st_mode), mode)
        finally:
            listening.close()

    def test_nobody_before(self) -> None:
        """Nobody can connect before the file has its mode and its owner."""
        could: list[bool] = []
        modes: list[int] = []

        class Watched(ListeningSocket):
            """Looks from outside at each step."""

            def listen(watched, backlog: int = 0) -> None:  # noqa: N805 - self is the test
                could.append(self.connects())
                modes.append(stat.S_IMODE(os.lstat(self.path).st_mode))
                super().listen(backlog)

        chown = os.chown

        def watched_chown(path: str, *arguments: Any, **more: Any) -> None:
            could.append(self.connects())
            chown(path, *arguments, **more)

        self.patch(unix_socket, "ListeningSocket", Watched)
        self.patch(os, "chown", watched_chown)
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.listen(0o600, owner=os.getuid())
        self.assertEqual((could, modes), ([False, False], [0o600]))
        self.assertTrue(self.connects())

    def test_backlog(self) -> None:
        """Many clients that come at once wait, and none is turned away."""
        self.listen()
        clients = [socket.socket(socket.AF_UNIX) for _ in range(200)]
        try:
            for client in clients:
                client.setblocking(False)
                client.connect(self.path)
        finally:
            for client in clients:
                client.close()


class LockTest(SocketTestCase):
    """What other processes may lock."""

    def test_folder_held_by_others(self) -> None:
        """Somebody who has locked the folder, as whoever may read it can, does not delay listening,
        over a stale file neither.
        """
        descriptor = os.open(self.folder, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self.patch(time, "sleep", self.fail)
        self.crash()
        self.listen()
        self.assertTrue(self.connects())

    def test_another_replaces_it(self) -> None:
        """While another daemon of ours replaces the stale file the place is taken, which is said at
        once.
        """
        self.crash()
        with Folder(self.folder) as folder, locked(folder, ".in.sock.lock"):
            self.assertIn("another process listens", self.refusal())
        self.listen()

    def test_fresh_socket(self) -> None:
        """A socket that another daemon has bound, and that does not listen yet, is not taken for
        stale.
        """
        with socket.socket(socket.AF_UNIX) as fresh:
            fresh.bind(self.path)
            self.assertIn("another process listens", self.refusal())

    @_AS_ROOT
    def test_no_right_to_read(self) -> None:
        """A folder that may be written to and not read is no hindrance."""
        self.folder.chmod(0o733)
        os.seteuid(65534)
        try:
            listening = UnixListeningSocket("inbound in", self.path, 0o600)
        finally:
            os.seteuid(0)
        self.addCleanup(listening.close)
        self.assertTrue(self.connects())


class OwnerTest(SocketTestCase):
    """Whose the file is."""

    @_AS_ROOT
    def test_numbers(self) -> None:
        """Owner and group can be given by number, each for itself."""
        cases: list[tuple[dict[str, Any], tuple[int, int]]] = [
            ({"owner": 4711, "group": 4712}, (4711, 4712)),
            ({"owner": 4711}, (4711, os.getgid())),
            ({"group": 4712}, (os.getuid(), 4712)),
            ({"owner": 0, "group": 0}, (0, 0)),
        ]
        for owners, expected in cases:
            listening = self.listen(0o660, **owners)
            found = os.lstat(self.path)
            self.assertEqual(
                (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)), (*expected, 0o660)
            )
            listening.close()

    @_AS_ROOT
    def test_names(self) -> None:
        """They can be given by name."""
        user = next(entry for entry in pwd.getpwall() if entry.pw_uid)
        group = next(entry for entry in grp.getgrall() if entry.gr_gid)
        self.listen(owner=user.pw_name, group=group.gr_name)
        found = os.lstat(self.path)
        self.assertEqual((found.st_uid, found.st_gid), (user.pw_uid, group.gr_gid))

    def test_unknown(self) -> None:
        """A name that the system does not know is reported, and no file is left."""
        self.assertEqual(
            self.refusal(owner="nobody-of-this-name"),
            "inbound in: owner: the system has no user 'nobody-of-this-name'",
        )
        self.assertEqual(
            self.refusal(group="none-of-this-name"),
            "inbound in: group: the system has no group 'none-of-this-name'",
        )
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_not_allowed(self) -> None:
        """A file that can't be given away is reported with what was wanted, and none is left."""

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        self.patch(os, "chown", refuse)
        self.assertEqual(
            self.refusal(owner=4711, group="root"),
            f"inbound in: {self.path} can't be given to owner 4711, group root: only root may "
            "give files away, or a member to its group",
        )
        self.assertIn("can't be given to group 0:", self.refusal(group=0))
        self.assertEqual(list(self.folder.iterdir()), [])
