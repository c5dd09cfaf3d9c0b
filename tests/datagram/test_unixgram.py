"""Unix datagram sockets: names, their files, and who sends."""

from __future__ import annotations

import contextlib
import os
import socket

from twisted.logger import formatEvent

from pipetwist.connection.cause import Cause
from pipetwist.kinds.user_options import UserOptions
from tests.support.datagram_case import DatagramCase
from tests.support.datagram_ends import DatagramEnd, DatagramServer, datagram_socket


class UnixgramTest(DatagramCase):
    """Unix datagram sockets."""

    clients = "unixgram"
    servers = "unixgram"

    def test_nameless(self) -> None:
        """A source without a name can send; its answers go nowhere, are not counted as delivered,
        and are reported as dropped.
        """
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(opened.close)
        opened.connect(str(self.folder / "in"))
        client = DatagramEnd(opened)
        client.send(b"question")
        self.came(self.server, b"question")
        self.server.send(b"answer")
        self.loop.settle()
        for _ in range(11):
            self.loop.advance(31)
        self.assertEqual(self.reason(), "no byte moved for 300 s; 1 datagrams dropped")
        self.assertEqual(self.counted(), (8, 0))

    def test_same_name(self) -> None:
        """A source that is another process under the same name has an association of its own."""
        client = self.client("same")
        client.send(b"one")
        self.came(self.server, b"one")
        client.socket.close()
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                self.client("same").send(b"two")
            os._exit(0)
        os.waitpid(child, 0)
        self.came(self.server, b"two")
        self.assertEqual(self.open, 2)

    def test_nobody(self) -> None:
        """If there is no server's socket the association ends with the reason, and does so
        again.
        """
        self.server.socket.close()
        client = self.client()
        for number in (1, 2):
            client.send(b"x")
            self.assertEqual(
                self.reason(number),
                f"cannot connect: {self.folder / 'out'}: Connection refused; 1 datagrams dropped",
            )
        self.assertEqual(self.open, 0)

    def test_server_gone(self) -> None:
        """A server that has gone ends the association with the next datagram."""
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")
        self.server.socket.close()
        client.send(b"y")
        self.assertEqual(self.reason(), "server: Connection refused; 1 datagrams dropped")

    def test_server_again(self) -> None:
        """A server that comes back at its path, in a new socket, gets the next datagram."""
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")
        self.server.socket.close()
        client.send(b"y")
        self.reason()
        path = self.folder / "out"
        path.unlink()
        opened = datagram_socket(socket.AF_UNIX, str(path))
        self.addCleanup(opened.close)
        client.send(b"z")
        self.came(DatagramServer(opened), b"z")

    def test_client_gone(self) -> None:
        """A client that has gone ends the association with the next answer."""
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")
        client.socket.close()
        self.server.send(b"y")
        self.assertEqual(self.reason(), "client: Connection refused; 1 datagrams dropped")
        self.assertEqual(self.counted(), (1, 0))

    def test_file(self) -> None:
        """The socket's file has its mode from the first moment, and goes when the inbound stops."""
        path = self.folder / "in"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.successResultOf(self.inbound.stopService())
        self.assertFalse(path.exists())

    def test_taken(self) -> None:
        """A path that another process listens on is refused; a file that one left behind is not."""
        other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(other.close)
        self.successResultOf(self.inbound.stopService())
        other.bind(str(self.folder / "in"))
        with self.assertRaises(Exception) as raised:
            self.inbound.startService()
        self.assertIn("another process listens on", str(raised.exception))
        other.close()
        self.inbound.startService()
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")


class UsersTest(DatagramCase):
    """Users by their credentials."""

    clients = "unixgram"
    inbound_options = {"users": (UserOptions(name="alice", uid=os.getuid()),)}  # noqa: RUF012 - see DatagramCase

    def test_user(self) -> None:
        """The sender's credentials from the kernel decide the user, who is counted, logged and
        shown as online.
        """
        client = self.client()
        client.send(b"hello")
        self.came(self.server, b"hello")
        self.assertEqual(self.counted("user", "alice"), (5, 0))
        self.assertEqual(list(self.service.online.online()["alice"]), [f"pid:{os.getpid()}"])
        self.service.stopService()
        self.assertEqual(
            (self.lines()[0]["user"], self.lines()[0]["peer"]),
            ("alice", f"pid:{os.getpid()} uid:{os.getuid()} gid:{os.getgid()}"),
        )


class StrangersTest(DatagramCase):
    """Nobody of the users."""

    clients = "unixgram"
    inbound_options = {"users": (UserOptions(name="alice", uid=os.getuid() + 1),)}  # noqa: RUF012 - see DatagramCase

    def test_refused(self) -> None:
        """A sender that is no user is refused, which is said and counted once, and its datagrams
        are counted as dropped by the inbound.
        """
        refused: list[tuple[object, ...]] = []
        self.patch(self.service.relay, "rejected", lambda *what: refused.append(what))
        client = self.client()
        for _ in range(3):
            client.send(b"hello")
        self.loop.until(lambda: self.inbound.dropped == 3, "the datagrams")
        self.assertEqual(
            self.warnings(),
            [
                (
                    f"inbound in: refused pid:{os.getpid()} uid:{os.getuid()} gid:{os.getgid()}, "
                    "which is not one of its users"
                )
            ],
        )
        self.assertEqual((self.open, self.lines(), refused), (0, [], [("in", Cause.REFUSED)]))
        self.successResultOf(self.inbound.stopService())
        self.assertEqual(
            formatEvent(self.events[-1]),
            "inbound in has dropped 3 datagrams that belonged to no connection",
        )

    def test_several(self) -> None:
        """However many come at once, in whichever order, each datagram is counted once."""
        clients = [self.client(name) for name in "abc"]
        for index in (0, 1, 1, 2, 0, 0, 2):
            clients[index].send(b"hello")
        self.loop.settle()
        self.assertEqual(self.inbound.dropped, 7)
