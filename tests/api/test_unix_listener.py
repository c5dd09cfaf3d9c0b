"""The socket's file, and who comes to its place or its folder while it is being made."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.unix_listener import UnixListener
from pipetwist.errors import StartError
from tests.interop.scratch import scratch_folder
from tests.places.stranger import needs_root, stranger_does, strangers_folder

__all__ = ["StrangersTest", "UnixListenerTest"]


class UnixListenerCase(SynchronousTestCase):
    """A path, and what stands for gRPC."""

    def setUp(self) -> None:
        """A folder, and an umask under which sockets are open to everybody."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "api.sock"
        self.bound: list[socket.socket] = []
        self.asked: list[str] = []
        self.addCleanup(os.umask, os.umask(0))

    def listen(self, path: Path, mode: int, bind: Callable[[str], socket.socket]) -> UnixListener:
        """Listen on a path."""
        listener = UnixListener(str(path), bind)
        listener.listen(mode)
        return listener

    def bind(self, path: str) -> socket.socket:
        """Listen on a path under the umask's mode."""
        listening = self.listening(path)
        self.bound.append(listening)
        self.asked.append(path)
        return listening

    def listening(self, path: str | Path) -> socket.socket:
        """A socket that listens on a path."""
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(str(path))
        listening.listen()
        return listening

    def answers(self, listening: socket.socket, path: Path | None = None) -> bool:
        """Whether who connects to the path reaches this socket."""
        listening.setblocking(False)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path or self.path))
            try:
                listening.accept()[0].close()
            except BlockingIOError:
                return False
        return True

    def failure(self, path: Path | None = None) -> str:
        """What a failed start says."""
        text = str(self.assertRaises(StartError, self.listen, path or self.path, 0o600, self.bind))
        self.assertNotIn("\n", text)
        self.assertTrue(text.startswith("experimental.v2ray_api.listen: "), text)
        return text


class UnixListenerTest(UnixListenerCase):
    """Putting a socket in its place."""

    def test_listens(self) -> None:
        """Clients reach the server at the path, and nothing else is left in the folder."""
        self.listen(self.path, 0o600, self.bind)
        self.assertTrue(self.answers(self.bound[0]))
        self.assertEqual(_names(self.folder), {"api.sock"})

    def test_mode(self) -> None:
        """The file has the mode that was asked for, whatever the umask."""
        for mode in (0o600, 0o660, 0o666):
            file = self.listen(self.path, mode, self.bind)
            self.assertEqual(stat.S_IMODE(self.path.lstat().st_mode), mode)
            file.remove()

    def test_never_open_before_the_mode(self) -> None:
        """Until the mode is set the socket is in a folder that only its owner can enter, and at its place there is nothing."""

        def bind(path: str) -> socket.socket:
            bound = self.bind(path)
            private = Path(path).parent
            self.assertEqual(stat.S_IMODE(private.stat().st_mode), 0o700)
            self.assertEqual(private.resolve().parent, self.folder)
            self.assertFalse(self.path.exists())
            return bound

        self.listen(self.path, 0o600, bind)
        self.assertEqual(len(self.bound), 1)

    def test_name(self) -> None:
        """The path that the kernel shows ends in the socket's own name."""
        self.listen(self.path, 0o600, self.bind)
        self.assertEqual(Path(self.bound[0].getsockname()).name, "api.sock")

    def test_longest_path(self) -> None:
        """A path of 107 bytes, the longest that the kernel takes, can be listened on."""
        folder = self.folder / ("d" * (107 - len(str(self.folder)) - 3))
        folder.mkdir()
        path = folder / "a"
        self.assertEqual(len(str(path)), 107)
        self.listen(path, 0o600, self.bind)
        self.assertTrue(self.answers(self.bound[0], path))
        self.assertEqual(_names(folder), {"a"})

    def test_odd_name(self) -> None:
        """A path with characters that mean something elsewhere names that file."""
        self.path = self.folder / "a b%41?#.sock"
        self.listen(self.path, 0o600, self.bind)
        self.assertEqual([Path(path).name for path in self.asked], ["a b%41?#.sock"])
        self.assertEqual(_names(self.folder), {"a b%41?#.sock"})

    def test_stale_socket(self) -> None:
        """The socket that a crash left is replaced."""
        self.listening(self.path).close()
        self.listen(self.path, 0o600, self.bind)
        self.assertTrue(self.answers(self.bound[0]))
        self.assertEqual(_names(self.folder), {"api.sock"})

    def test_live_server(self) -> None:
        """A live server keeps its path, and nothing is made beside it."""
        other = self.listening(self.path)
        self.assertIn(f"{self.path} is in use by another server", self.failure())
        self.assertEqual(self.asked, [])
        self.assertTrue(self.answers(other) or self.answers(other))

    def test_busy_server(self) -> None:
        """A server whose backlog is full is live."""
        other = socket.socket(socket.AF_UNIX)
        self.addCleanup(other.close)
        other.bind(str(self.path))
        other.listen(0)
        waiting = []
        try:
            for _ in range(100):
                client = socket.socket(socket.AF_UNIX)
                self.addCleanup(client.close)
                waiting.append(client)
                client.setblocking(False)
                client.connect(str(self.path))
        except BlockingIOError:
            pass
        self.assertLess(len(waiting), 100)
        self.assertIn("in use by another server", self.failure())

    def test_datagram_socket(self) -> None:
        """A socket of another kind is somebody's, and stays."""
        other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(other.close)
        other.bind(str(self.path))
        self.assertIn(str(self.path), self.failure())
        self.assertTrue(self.path.is_socket())

    def test_other_files(self) -> None:
        """A file, a folder or a symbolic link at the path is no socket, and stays."""
        target = self.folder / "target"
        self.listening(target).close()
        for make in (self.path.touch, self.path.mkdir, lambda: self.path.symlink_to(target)):
            make()
            before = self.path.lstat()
            self.assertIn("exists and is not a socket", self.failure())
            self.assertEqual(self.path.lstat().st_ino, before.st_ino)
            if stat.S_ISDIR(before.st_mode):
                self.path.rmdir()
            else:
                self.path.unlink()

    def test_folder(self) -> None:
        """A folder that is not there is named."""
        self.assertIn(f"there is no folder {self.folder}/none; make it first", self.failure(self.folder / "none" / "api.sock"))

    def test_forbidden_folder(self) -> None:
        """A folder that can't be written to is an error with the system's word for it."""

        def forbid(*_: object, **__: object) -> str:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        self.patch(os, "mkdir", forbid)
        self.assertIn("Permission denied", self.failure())

    def test_failure(self) -> None:
        """Where it can't listen the system's words are told, and nothing is left behind."""

        def refuse(path: str) -> socket.socket:
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))

        error = self.assertRaises(StartError, self.listen, self.path, 0o600, refuse)
        self.assertIn(f"can't listen on unix:{self.path}: No buffer space available", str(error))
        self.assertEqual(_names(self.folder), set())

    def test_server_that_comes_meanwhile(self) -> None:
        """A server that takes the path while the socket is being made keeps it."""
        others: list[socket.socket] = []

        def bind(path: str) -> socket.socket:
            bound = self.bind(path)
            others.append(self.listening(self.path))
            return bound

        error = self.assertRaises(StartError, self.listen, self.path, 0o600, bind)
        self.assertIn("in use by another server", str(error))
        self.assertEqual(self.bound[0].fileno(), -1)
        self.assertTrue(self.answers(others[0]))
        self.assertEqual(_names(self.folder), {"api.sock"})

    def test_stale_socket_that_comes_meanwhile(self) -> None:
        """A socket that a crash leaves at the path while the socket is being made is replaced."""

        def bind(path: str) -> socket.socket:
            bound = self.bind(path)
            self.listening(self.path).close()
            return bound

        self.listen(self.path, 0o600, bind)
        self.assertTrue(self.answers(self.bound[0]))

    def test_server_that_replaces_a_stale_socket(self) -> None:
        """A server that replaces a stale socket in the very moment in which it is removed gets its path back."""
        self.listening(self.path).close()
        os.utime(self.path, (1, 1))
        others: list[socket.socket] = []
        rename = os.rename

        def overtaken(*arguments: Any, **more: Any) -> None:
            if not others:
                self.path.unlink()
                others.append(self.listening(self.path))
            rename(*arguments, **more)

        self.patch(os, "rename", overtaken)
        self.assertIn("in use by another server", self.failure())
        self.assertEqual(_names(self.folder), {"api.sock"})
        self.assertEqual(len(others), 1)

    def test_remove(self) -> None:
        """The file goes, and removing it again does nothing."""
        file = self.listen(self.path, 0o600, self.bind)
        file.remove()
        self.assertFalse(self.path.exists())
        file.remove()

    def test_remove_what_is_another_s(self) -> None:
        """A socket that another server has put there since stays."""
        file = self.listen(self.path, 0o600, self.bind)
        self.path.unlink()
        other = self.listening(self.path)
        file.remove()
        self.assertTrue(self.answers(other))


@needs_root
class StrangersTest(UnixListenerCase):
    """In a folder where somebody else may write, who exchanges what is made there."""

    def setUp(self) -> None:
        """A stranger's folder, and files of root's that are none of theirs."""
        super().setUp()
        self.folder = strangers_folder(self)
        self.path = self.folder / "api.sock"
        self.elsewhere = self.folder.parent / "elsewhere"
        self.elsewhere.mkdir()
        self.victim = self.elsewhere / "api.sock"

    def exchange(self) -> None:
        """Put a link to a folder of root's in the place of the one that was made, under its very name."""
        stranger_does('for made in .??*; do mv "$made" kept; ln -s ../elsewhere "$made"; done', self.folder)

    def test_private_folder_exchanged(self) -> None:
        """A link in the place of the private folder leads nobody to another server's socket: it stays, and so does its mode."""
        other = self.listening(self.victim)
        self.victim.chmod(0o600)

        def bind(path: str) -> socket.socket:
            self.exchange()
            return self.bind(path)

        file = self.listen(self.path, 0o666, bind)
        self.assertTrue(self.answers(other, self.victim))
        self.assertEqual(stat.S_IMODE(self.victim.lstat().st_mode), 0o600)
        self.assertTrue(self.answers(self.bound[0]))
        self.assertEqual(stat.S_IMODE(self.path.lstat().st_mode), 0o666)
        file.remove()

    def test_link_in_its_place(self) -> None:
        """A link that is put where the socket was made does not get its target the socket's mode."""
        self.victim.touch(0o600)

        def bind(path: str) -> socket.socket:
            bound = self.bind(path)
            self.exchange()
            return bound

        self.listen(self.path, 0o666, bind)
        self.assertEqual(stat.S_IMODE(self.victim.lstat().st_mode), 0o600)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
