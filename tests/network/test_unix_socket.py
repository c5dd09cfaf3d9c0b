"""Listening on a unix socket's path, and the file that stands for it."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipetwist.errors import StartError
from pipetwist.network import unix_socket
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.network.unix_socket import UnixListeningSocket
from tests.network.unix_socket_case import SocketTestCase
from tests.support.loop import open_descriptors


class PlaceTest(SocketTestCase):
    """Where it can't listen."""

    def test_no_folder(self) -> None:
        """A folder that is not there is named, with what to do."""
        self.assertEqual(
            self.refusal(path=f"{self.folder}/nowhere/in.sock"),
            f"inbound in: there is no folder {self.folder}/nowhere; make it first",
        )

    def test_folder_is_a_file(self) -> None:
        """A file in the folder's place is reported."""
        (self.folder / "file").touch()
        self.assertEqual(
            self.refusal(path=f"{self.folder}/file/in.sock"),
            f"inbound in: can't listen on {self.folder}/file/in.sock: Not a directory",
        )

    def test_too_long(self) -> None:
        """A path that is longer than the kernel takes is reported, and nothing is made."""
        path = f"{self.folder}/{'x' * 108}"
        self.assertEqual(
            self.refusal(path=path), f"inbound in: can't listen on {path}: AF_UNIX path too long"
        )
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_longest(self) -> None:
        """The longest path that the kernel takes is taken."""
        path = f"{self.folder}/{'x' * (106 - len(str(self.folder)))}"
        self.assertEqual(len(path), 107)
        self.listen(path=path)
        self.assertTrue(self.connects(path))

    def test_no_socket(self) -> None:
        """What is no socket is never replaced: a file, a folder, a pipe, a link to nothing, and a
        link to a socket.
        """
        self.crash()
        made: dict[str, Callable[[Path], object]] = {
            "file": lambda path: path.write_text("precious", encoding="utf-8"),
            "folder": lambda path: path.mkdir(),
            "pipe": lambda path: os.mkfifo(path),
            "link": lambda path: path.symlink_to("nothing"),
            "link to a socket": lambda path: path.symlink_to(self.path),
        }
        for name, make in made.items():
            path = self.folder / name
            make(path)
            before = os.lstat(path)
            self.assertEqual(
                self.refusal(path=str(path)),
                f"inbound in: {path} exists and is not a socket; remove it or choose another path",
            )
            self.assertEqual(os.lstat(path), before)

    def test_nothing_left(self) -> None:
        """If it fails no descriptor is left open."""
        before = open_descriptors()
        self.refusal(path=f"{self.folder}/nowhere/in.sock")
        self.refusal(path=str(self.folder))
        self.refusal(group="no group of this name")
        self.assertEqual(open_descriptors() - before, set())

    def test_no_right(self) -> None:
        """A folder where it may make nothing is reported."""
        self.patch(unix_socket, "ListeningSocket", _refusing(errno.EACCES))
        self.assertEqual(
            self.refusal(), f"inbound in: can't listen on {self.path}: Permission denied"
        )


class StaleTest(SocketTestCase):
    """A file that is there already."""

    def test_stale(self) -> None:
        """What a crash has left is replaced."""
        self.crash()
        self.assertFalse(self.connects())
        self.listen()
        self.assertTrue(self.connects())

    def test_live(self) -> None:
        """A path at which another listens is not taken over, and stays its own."""
        first = self.listen()
        said = f"inbound in: another process listens on {self.path}; stop it or choose another path"
        self.assertEqual(self.refusal(), said)
        self.assertTrue(self.connects())
        first.close()
        self.listen()

    def test_live_and_busy(self) -> None:
        """The same where the other has so many waiting that it can't be connected."""
        with (
            socket.socket(socket.AF_UNIX) as busy,
            socket.socket(socket.AF_UNIX) as waits,
            socket.socket(socket.AF_UNIX) as too,
        ):
            busy.bind(self.path)
            busy.listen(0)
            waits.connect(self.path)
            too.setblocking(False)
            self.assertEqual(too.connect_ex(self.path), errno.EAGAIN)
            self.assertIn("another process listens", self.refusal())

    def test_live_of_another_kind(self) -> None:
        """A socket of another kind at which somebody hears is not replaced."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hears:
            hears.bind(self.path)
            self.assertIn("another process listens", self.refusal())

    def test_two_at_once(self) -> None:
        """Of two that start at once over a stale file one listens, and the other is told so;
        neither takes the other's fresh file.
        """

        class Slow(ListeningSocket):
            """Leaves the other time to find the file before it listens."""

            def listen(self, backlog: int = 0) -> None:
                threading.Event().wait(0.02)
                super().listen(backlog)

        self.patch(unix_socket, "ListeningSocket", Slow)
        for _ in range(3):
            self.crash()
            begin = threading.Barrier(2)
            outcomes: list[object] = []

            def start(begin: threading.Barrier, outcomes: list[object]) -> None:
                begin.wait(60)
                try:
                    outcomes.append(UnixListeningSocket("inbound in", self.path, 0o600))
                except StartError as error:
                    outcomes.append(str(error))

            threads = [threading.Thread(target=start, args=(begin, outcomes)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            listening = [
                outcome for outcome in outcomes if isinstance(outcome, UnixListeningSocket)
            ]
            self.assertEqual((len(listening), len(outcomes)), (1, 2))
            self.assertTrue(self.connects())
            listening[0].close()
            self.assertEqual(list(self.folder.iterdir()), [])


class MeanwhileTest(SocketTestCase):
    """What comes to the path while the socket is being made."""

    def setUp(self) -> None:
        """Leave a stale file."""
        super().setUp()
        self.crash()
        self.others: list[socket.socket] = []

    def come(self) -> None:
        """Another server listens at the path; the test's clean-up closes it."""
        other = socket.socket(socket.AF_UNIX)
        self.addCleanup(other.close)
        self.others.append(other)
        other.bind(self.path)
        other.listen()

    def before_second_bind(self, act: Callable[[], object]) -> None:
        """Have something happen once the stale file has gone."""
        binds: list[object] = []

        class Overtaken(ListeningSocket):
            """Is overtaken at its second bind."""

            def bind(self, address: Any) -> None:
                binds.append(address)
                if len(binds) == 2:
                    act()
                super().bind(address)

        self.patch(unix_socket, "ListeningSocket", Overtaken)

    def test_server(self) -> None:
        """A server that takes the path keeps it."""
        self.before_second_bind(self.come)
        self.assertIn("another process listens", self.refusal())
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.path)
            self.others[0].accept()[0].close()
        self.assertEqual([path.name for path in self.folder.iterdir()], ["in.sock"])

    def test_stale(self) -> None:
        """What another crash leaves there is replaced as well."""
        self.before_second_bind(self.crash)
        self.listen()
        self.assertTrue(self.connects())

    def test_server_that_replaces_the_stale_file(self) -> None:
        """A server that replaces the stale file in the very moment in which that is removed gets
        its path back.
        """
        os.utime(self.path, (1, 1))
        rename = os.rename

        def overtaken(*arguments: Any, **more: Any) -> None:
            if not self.others:
                Path(self.path).unlink()
                self.come()
            rename(*arguments, **more)

        self.patch(os, "rename", overtaken)
        self.assertIn("another process listens", self.refusal())
        self.assertEqual([path.name for path in self.folder.iterdir()], ["in.sock"])
        self.assertEqual(len(self.others), 1)

    def test_odd_name(self) -> None:
        """A path with characters that mean something elsewhere names that file."""
        self.listen(path=str(self.folder / "a b%41?#.sock"))
        self.assertEqual(
            {path.name for path in self.folder.iterdir()}, {"in.sock", "a b%41?#.sock"}
        )


class ClosingTest(SocketTestCase):
    """The end of listening."""

    def test_removed(self) -> None:
        """The file goes, and nobody listens; closing again does nothing."""
        listening = self.listen()
        listening.close()
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertEqual(listening.socket.fileno(), -1)
        listening.close()

    def test_open_connections(self) -> None:
        """Connections that are open go on."""
        listening = self.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.path)
            accepted, _ = listening.socket.accept()
            listening.close()
            with accepted:
                accepted.sendall(b"still here")
            self.assertEqual(client.recv(99), b"still here")

    def test_another_file(self) -> None:
        """A file that another process has put there since stays."""
        listening = self.listen()
        Path(self.path).unlink()
        other = self.listen()
        listening.close()
        self.assertTrue(self.connects())
        other.close()
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_missing(self) -> None:
        """A file that is gone already is no error."""
        listening = self.listen()
        Path(self.path).unlink()
        listening.close()

    def test_folder_missing(self) -> None:
        """Nor is a folder that is gone."""
        folder = self.folder / "folder"
        folder.mkdir()
        listening = self.listen(path=str(folder / "in.sock"))
        (folder / "in.sock").unlink()
        folder.rmdir()
        listening.close()

    def test_no_right(self) -> None:
        """If the file can't be removed any more, that is reported, but nobody listens all the
        same.
        """
        listening = self.listen()

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        self.patch(os, "rename", refuse)
        self.assertRaises(PermissionError, listening.close)
        self.assertFalse(self.connects())
        self.assertEqual(listening.socket.fileno(), -1)


class AbstractTest(SocketTestCase):
    """Names without a file."""

    def test_names(self) -> None:
        """An abstract name is listened on as it is, and its padded form is another; both go when
        they are closed.
        """
        name = f"pipetwist-test-{os.getpid()}"
        for path, address in (
            (f"@{name}", b"\0" + name.encode()),
            (f"@@{name}", (b"\0" + name.encode()).ljust(108, b"\0")),
        ):
            listening = self.listen(path=path)
            self.assertEqual(listening.socket.getsockname(), address)
            self.assertTrue(self.connects(path))
            listening.close()
            self.assertFalse(self.connects(path))

    def test_taken(self) -> None:
        """A name that is taken is reported as it was written."""
        for prefix in ("@", "@@"):
            path = f"{prefix}pipetwist-test-{os.getpid()}"
            self.listen(path=path)
            self.assertEqual(
                self.refusal(path=path),
                f"inbound in: another process listens on {path}; stop it or choose another path",
            )


def _refusing(number: int) -> type[ListeningSocket]:
    """A kind of socket that can't be bound."""

    class Refusing(ListeningSocket):
        def bind(self, address: object) -> None:
            raise OSError(number, os.strerror(number))

    return Refusing
