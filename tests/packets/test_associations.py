"""The life of an association: how it begins and ends, what waits, what is dropped, and what is said of it."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
from dataclasses import replace
from typing import Any

from twisted.logger import formatEvent

from pipetwist.connection.cause import Cause
from pipetwist.connection.end import End
from pipetwist.inbounds.unix_options import PeerUserOptions
from pipetwist.packets.framing import frame
from pipetwist.packets.waiting import MOST_DATAGRAMS
from tests.kernel.loop import open_descriptors
from tests.packets.case import PacketCase
from tests.packets.ends import DatagramEnd, DatagramServer, FramedEnd

__all__ = [
    "CommandTest",
    "CrowdedTest",
    "FramedTest",
    "SinkTest",
    "SourcesTest",
    "StrangersTest",
    "StreamServerTest",
    "UdpTest",
    "UnixgramTest",
    "UsersTest",
]


class UdpTest(PacketCase):
    """UDP to UDP."""

    def test_answer(self) -> None:
        """An answer goes back to the source, however many others have sent in between."""
        clients = [self.client() for _ in range(3)]
        peers = []
        for number, client in enumerate(clients):
            client.send(b"%d" % number)
            self.came(self.server, b"%d" % number)
            peers.append(self.server.peer)
        self.assertEqual((len(set(peers)), self.open, self.inbound.associations), (3, 3, 3))
        for number in (2, 0, 1):
            self.server.peer = peers[number]
            self.server.send(b"answer %d" % number)
            self.came(clients[number], b"answer %d" % number)

    def test_time_out(self) -> None:
        """Without a datagram either way for as long as is allowed it ends; an empty one, or an answer, is one."""
        client = self.client()
        client.send(b"")
        self.came(self.server, b"")
        self.loop.advance(200)
        self.server.send(b"")
        self.came(client, b"")
        for _ in range(20):
            self.loop.advance(14)
        self.assertEqual(self.open, 1)
        for _ in range(5):
            self.loop.advance(30)
        self.assertEqual(self.reason(), "no byte moved for 300 s")
        self.assertEqual((self.inbound.associations, self.loop.getDelayedCalls(), len(open_descriptors()) - len(self.before)), (0, [], 1))

    def test_again(self) -> None:
        """A source whose association has ended opens another with its next datagram."""
        client = self.client()
        client.send(b"one")
        self.came(self.server, b"one")
        first = self.server.peer
        for _ in range(11):
            self.loop.advance(31)
        self.assertEqual(self.open, 0)
        client.send(b"two")
        self.came(self.server, b"two")
        self.assertNotEqual(self.server.peer, first)
        self.assertEqual(self.counted(), (6, 0))

    def test_refused(self) -> None:
        """A server's refusal ends the association, is logged, and leaves the inbound and other associations alone."""
        other = self.client()
        other.send(b"other")
        self.came(self.server, b"other")
        address = self.server.socket.getsockname()
        self.server.socket.close()
        client = self.client()
        client.send(b"anybody?")
        self.assertEqual(self.reason(), "server: Connection refused")
        self.assertEqual(self.open, 1)
        reopened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(reopened.close)
        reopened.bind(address)
        self.server = DatagramServer(reopened)
        client.send(b"again")
        self.came(self.server, b"again", others=(client,))
        self.assertEqual(self.lines()[0]["uplink"], 8)

    def test_answered_and_gone(self) -> None:
        """What a server answered before it went is delivered, though the system tells of its going first."""
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")
        (connection,) = self.service.relay._open
        for number in range(100):
            self.server.send(b"%d" % number)
        self.server.socket.close()
        connection._ears[End.SERVER].side.write(b"nobody hears this")
        self.came(client, *(b"%d" % number for number in range(100)))
        self.assertEqual(self.reason(), "server: Connection refused")
        self.assertEqual(self.counted(), (1, 190))

    def test_narrow_way(self) -> None:
        """Word of a way that carries less (ICMP) ends nothing, and loses nothing of what is sent when it comes."""
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")
        (connection,) = self.service.relay._open
        side: Any = connection._ears[End.SERVER].side
        batch, opened = side._batch, side._socket = _Narrow(side._batch, "receive"), _Narrow(side._socket, "send")
        self.server.send(b"answer")
        self.came(client, b"answer")
        side.write(b"datagram")
        self.came(self.server, b"datagram")
        self.assertEqual((batch.told, opened.told, connection.dropped, self.open), (True, True, 0, 1))

    def test_stop(self) -> None:
        """The inbound's stop ends its associations at once, and gives everything back."""
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")
        self.successResultOf(self.inbound.stopService())
        self.assertEqual(self.reason(), "client: the inbound has stopped listening")
        self.assertEqual((self.open, len(open_descriptors()) - len(self.before)), (0, 0))  # the client's, and not the inbound's any more
        self.assertRaises(ConnectionRefusedError, self._send_twice, client)

    def _send_twice(self, client: object) -> None:
        assert isinstance(client, DatagramEnd)
        client.socket.send(b"x")
        client.socket.send(b"x")

    def test_restart(self) -> None:
        """An inbound that was stopped can be started again."""
        self.successResultOf(self.inbound.stopService())
        self.inbound.startService()
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")

    def test_mistake(self) -> None:
        """A mistake in letting one source in is logged, and does not end the listening."""
        admit = self.service.relay.admit
        self.service.relay.admit = lambda visitor: 1 / 0  # type: ignore[assignment,return-value]  # it is to fail
        self.client().send(b"x")
        self.loop.until(self._flush, "the mistake")
        self.service.relay.admit = admit  # type: ignore[method-assign]  # see above
        self.assertEqual((self.open, self.inbound.associations, self.inbound.dropped), (0, 0, 1))
        client = self.client()
        client.send(b"y")
        self.came(self.server, b"y")

    def test_later_mistake(self) -> None:
        """A mistake after a source's association was made ends that."""
        carry = self.service.relay.carry
        self.service.relay.carry = lambda passage, client: 1 / 0  # type: ignore[assignment]  # it is to fail
        client = self.client()
        client.send(b"x")
        self.loop.until(self._flush, "the mistake")
        self.assertEqual(self.inbound.associations, 0)
        self.service.relay.carry = carry  # type: ignore[method-assign]  # see above
        client.send(b"y")
        self.came(self.server, b"y")

    def _flush(self) -> object:
        return self.flushLoggedErrors(ZeroDivisionError)


class SourcesTest(PacketCase):
    """A bound to the associations."""

    inbound_options = {"max_associations": 2}  # noqa: RUF012 - see PacketCase

    def test_most(self) -> None:
        """For one too many the one ends that was idle for longest, whether it sent or was answered last."""
        clients = [self.client() for _ in range(3)]
        peers = []
        for number in (0, 1):
            clients[number].send(b"%d" % number)
            self.came(self.server, b"%d" % number)
            peers.append(self.server.peer)
        self.server.peer = peers[0]
        self.server.send(b"answer")
        self.came(clients[0], b"answer")
        clients[2].send(b"2")
        self.came(self.server, b"2")
        self.assertEqual(self.reason(), "client: the oldest of max_associations (2) made room for another")
        host, port = clients[1].socket.getsockname()
        self.assertEqual((self.lines()[0]["peer"], self.open), (f"{host}:{port}", 2))

    def test_few_descriptors(self) -> None:
        """Where the process may open fewer sockets than that, a flood of sources takes at most three in four."""
        self.successResultOf(self.inbound.stopService())
        self.patch(resource, "getrlimit", lambda which: (2, 4096))
        self.inbound.startService()
        for _ in range(2):
            client = self.client()
            client.send(b"x")
            self.came(self.server, b"x")
            self.assertEqual(self.open, 1)
        self.assertEqual(self.reason(), "client: the oldest of 1, as many as the limit of file descriptors allows, made room for another")

    def test_fewer(self) -> None:
        """Where a reload bounds them closer, those beyond that end when another source comes."""
        clients = [self.client() for _ in range(3)]
        for client in clients[:2]:
            client.send(b"x")
            self.came(self.server, b"x")
        self.inbound.change(replace(self.inbound.options, max_associations=1))
        self.assertEqual(self.open, 2)
        clients[2].send(b"x")
        self.came(self.server, b"x")
        self.assertEqual(self.reason(2), "client: the oldest of max_associations (1) made room for another")
        self.assertEqual((self.open, self.inbound.associations), (1, 1))


class _Narrow:
    """A socket or a batch that reports once, at a call of this name, that the way carries less."""

    def __init__(self, wrapped: Any, call: str) -> None:
        self.told = False
        self._wrapped = wrapped
        self._call = call

    def __getattr__(self, name: str) -> Any:
        if name == self._call and not self.told:
            return self._tell
        return getattr(self._wrapped, name)

    def _tell(self, *_: object, **__: object) -> None:
        self.told = True
        raise OSError(errno.EMSGSIZE, "")


class UnixgramTest(PacketCase):
    """Unix datagram sockets."""

    clients = "unixgram"
    servers = "unixgram"

    def test_nameless(self) -> None:
        """A source without a name can send; its answers go nowhere, are not counted as delivered, and are told of as dropped."""
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
        """Where there is no server's socket the association ends with the reason, and does so again."""
        self.server.socket.close()
        client = self.client()
        for number in (1, 2):
            client.send(b"x")
            self.assertEqual(self.reason(number), f"cannot connect: {self.folder / 'out'}: Connection refused; 1 datagrams dropped")
        self.assertEqual(self.open, 0)

    def test_server_gone(self) -> None:
        """A server that has gone ends the association with the next datagram."""
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")
        self.server.socket.close()
        client.send(b"y")
        self.assertEqual(self.reason(), "server: Connection refused; 1 datagrams dropped")

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


class UsersTest(PacketCase):
    """Users by their credentials."""

    clients = "unixgram"
    inbound_options = {"users": (PeerUserOptions(name="alice", uid=os.getuid()),)}  # noqa: RUF012 - see PacketCase

    def test_user(self) -> None:
        """The kernel's word for the sender decides the user, who is counted, logged and seen online."""
        client = self.client()
        client.send(b"hello")
        self.came(self.server, b"hello")
        self.assertEqual(self.counted("user", "alice"), (5, 0))
        self.assertEqual(list(self.service.online.online()["alice"]), [f"pid:{os.getpid()}"])
        self.service.stopService()
        self.assertEqual(
            (self.lines()[0]["user"], self.lines()[0]["peer"]), ("alice", f"pid:{os.getpid()} uid:{os.getuid()} gid:{os.getgid()}")
        )


class StrangersTest(PacketCase):
    """Nobody of the users."""

    clients = "unixgram"
    inbound_options = {"users": (PeerUserOptions(name="alice", uid=os.getuid() + 1),)}  # noqa: RUF012 - see PacketCase

    def test_refused(self) -> None:
        """A sender that is no user is refused, which is said and counted once, and its datagrams are counted as dropped by the inbound."""
        refused: list[tuple[object, ...]] = []
        self.patch(self.service.relay, "turned_away", lambda *what: refused.append(what))
        client = self.client()
        for _ in range(3):
            client.send(b"hello")
        self.loop.until(lambda: self.inbound.dropped == 3, "the datagrams")
        self.assertEqual(
            self.warnings(), [f"inbound in: refused pid:{os.getpid()} uid:{os.getuid()} gid:{os.getgid()}, which is none of its users"]
        )
        self.assertEqual((self.open, self.lines(), refused), (0, [], [("in", Cause.REFUSED)]))
        self.successResultOf(self.inbound.stopService())
        self.assertEqual(formatEvent(self.events[-1]), "inbound in has dropped 3 datagrams that belonged to no connection")


class CrowdedTest(PacketCase):
    """A server that reads nothing: a unix socket takes a few datagrams and then no more."""

    servers = "unixgram"

    def test_waiting(self) -> None:
        """What the server does not take waits, in order, and goes on when it does."""
        client = self.client()
        for number in range(100):
            client.send(b"%d" % number)
        self.loop.until(lambda: self.open and self.counted()[0] == 190, "the datagrams to be read")
        self.came(self.server, *(b"%d" % number for number in range(100)))

    def test_dropped(self) -> None:
        """Beyond the bound the newest is dropped, and the log says how many; those are counted as read, and none is lost otherwise."""
        client, sent = self.client(), 0
        client.send(b"xx")
        self.loop.until(lambda: self.open, "the association")
        (connection,) = self.service.relay._open
        while connection.dropped < 3:
            client.send(b"%06d" % sent)
            sent += 1
            self.loop.settle()
            self.assertLess(sent, 5 * MOST_DATAGRAMS)
        self.server.pump()
        self.loop.until(lambda: self.server.pump() or len(self.server.came) == sent - 2, "what was not dropped")
        self.assertEqual(self.server.came[1:], [b"%06d" % number for number in range(sent - 3)])
        self.assertEqual(self.counted(), (2 + 6 * sent, 0))
        self.service.stopService()
        self.assertEqual(self.lines()[0]["reason"], "client: the inbound has stopped listening; 3 datagrams dropped")

    def test_gone(self) -> None:
        """Where the server goes while datagrams wait for it, each of those is told of once."""
        client, sent = self.client(), 0
        client.send(b"x")
        self.loop.until(lambda: self.open, "the association")
        (connection,) = self.service.relay._open
        server: Any = connection._ears[End.SERVER].side
        while len(server.outgoing or ()) < 3:
            client.send(b"y")
            sent += 1
            self.loop.settle()
            self.assertLess(sent, 5 * MOST_DATAGRAMS)
        self.server.socket.close()
        self.assertEqual(self.reason(), "server: Connection refused; 3 datagrams dropped")

    def test_too_large(self) -> None:
        """A datagram that is larger than the client's kind carries is dropped, and those around it are not."""
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")
        for size in (3, 65_508, 5):
            self.server.send(bytes(size))
        self.came(client, bytes(3), bytes(5))
        (connection,) = self.service.relay._open
        self.assertEqual((connection.dropped, self.counted()), (1, (1, 8)))


class FramedTest(PacketCase):
    """A framed stream to UDP."""

    clients = "framed"

    def test_too_large(self) -> None:
        """A datagram that UDP can't carry is an error of the stream."""
        client = self.client()
        client.send(bytes(65_508))
        self.assertEqual(self.reason(), "client: a datagram of 65508 bytes, where 65507 can be carried")

    def test_cut(self) -> None:
        """A stream that ends inside a datagram is an error; what was complete before it has gone on."""
        client = self.client()
        assert isinstance(client, FramedEnd)
        client.socket.sendall(b"\0\2hi\0\5hel")
        self.came(self.server, b"hi")
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(self.reason(), "client: the stream ended inside a datagram")

    def test_half_closed(self) -> None:
        """A client that has sent all it has still gets its answers."""
        client = self.client()
        client.send(b"question")
        self.came(self.server, b"question", others=(client,))
        client.socket.shutdown(socket.SHUT_WR)
        self.loop.settle()
        self.server.send(b"answer")
        self.came(client, b"answer")
        client.socket.close()
        self.reason()
        self.assertEqual(self.counted(), (8, 6))


class StreamServerTest(PacketCase):
    """UDP to a server on a framed stream."""

    servers = "framed"

    def test_end(self) -> None:
        """A server that ends its direction, as one of DNS that hears nothing, ends the association; the next datagram opens one."""
        client = self.client()
        for number in range(2):
            client.send(b"question")
            server = self.accepted()
            self.came(server, b"question")
            server.send(b"answer")
            server.socket.shutdown(socket.SHUT_WR)
            self.came(client, b"answer")
            self.assertEqual(self.reason(number + 1), "server closed")
        self.assertEqual((self.open, self.inbound.associations, self.counted()), (0, 0, (16, 12)))

    def test_undelivered(self) -> None:
        """What a stream held when it broke is told of as dropped."""
        client, sent = self.client(), 0
        client.send(b"x")
        server = self.accepted()
        self.came(server, b"x")
        (connection,) = self.service.relay._open
        side: Any = connection._ears[End.SERVER].side
        while side.moved == sent + 1:
            client.send(bytes(60_000))
            sent += 1
            self.loop.settle()
            self.assertLess(sent, MOST_DATAGRAMS)
        taken = side.moved
        server.socket.close()
        self.assertRegex(self.reason(), rf"^server: .*; {sent + 1 - taken} datagrams dropped$")


class CommandTest(PacketCase):
    """UDP to a command."""

    servers = "fork"

    def test_command(self) -> None:
        """Each source has a command of its own, which ends with its association."""
        clients = [self.client(), self.client()]
        for number, client in enumerate(clients):
            client.send(b"%d" % number)
            self.came(client, b"%d" % number)
        outbound = self.service.outbounds["out"]
        self.assertEqual(outbound.processes, 2)
        for _ in range(11):
            self.loop.advance(31)
        self.reason(2)
        self.loop.until(lambda: not outbound.processes, "the end of the commands")


class SinkTest(PacketCase):
    """UDP to a command that answers nothing."""

    servers = "fork"

    @property
    def command(self) -> tuple[str, ...]:
        """See `PacketCase`."""
        return ("/bin/sh", "-c", f"exec cat > {self.folder}/sunk")

    def test_output_closed(self) -> None:
        """A command that has closed its output goes on taking what comes."""
        client, sunk = self.client(), self.folder / "sunk"
        expected = b""
        for datagram in (b"one", b"two", b"three"):
            client.send(datagram)
            expected += frame(datagram)
            for _ in self.loop.rounds("the datagram in the file"):
                if sunk.exists() and sunk.read_bytes() == expected:
                    break
        self.assertEqual((self.open, self.service.outbounds["out"].processes), (1, 1))
