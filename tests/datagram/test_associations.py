"""The life of an association: how it begins and ends, and who makes room for whom."""

from __future__ import annotations

import errno
import resource
import socket
from dataclasses import replace
from typing import Any

from pipetwist.kernel.poller import IN
from tests.support.datagram_case import DatagramCase
from tests.support.datagram_ends import DatagramEnd, DatagramServer
from tests.support.loop import open_descriptors


class UdpTest(DatagramCase):
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
        """Without a datagram either way for as long as is allowed it ends; an empty one, or an
        answer, is one.
        """
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
        self.assertEqual(
            (
                self.inbound.associations,
                self.loop.getDelayedCalls(),
                len(open_descriptors() - self.before),
            ),
            (0, [], 1),
        )

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
        """A server's refusal ends the association, is logged, and leaves the inbound and other
        associations alone.
        """
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
        """What a server answered before it went is delivered, though the system tells of its going
        first.
        """
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")
        (connection,) = self.service.relay.connection_table.connections()
        for number in range(100):
            self.server.send(b"%d" % number)
        self.server.socket.close()
        assert connection.server is not None
        connection.server.write(b"nobody hears this")
        self.came(client, *(b"%d" % number for number in range(100)))
        self.assertEqual(self.reason(), "server: Connection refused")
        self.assertEqual(self.counted(), (1, 190))

    def test_narrow_way(self) -> None:
        """Word of a way that carries less (ICMP) ends nothing, and loses nothing of what is sent
        when it comes.
        """
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")
        (connection,) = self.service.relay.connection_table.connections()
        side: Any = connection.server
        batch, opened = side._batch, side._socket = (
            _Narrow(side._batch, "receive"),
            _Narrow(side._socket, "send"),
        )
        self.server.send(b"answer")
        self.came(client, b"answer")
        side.write(b"datagram")
        self.came(self.server, b"datagram")
        self.assertEqual(
            (batch.told, opened.told, connection.dropped, self.open), (True, True, 0, 1)
        )

    def test_stop(self) -> None:
        """The inbound's stop ends its associations at once, and gives everything back."""
        client = self.client()
        client.send(b"x")
        self.came(self.server, b"x")
        self.successResultOf(self.inbound.stopService())
        self.assertEqual(self.reason(), "client: the inbound has stopped listening")
        self.assertEqual((self.open, len(open_descriptors() - self.before)), (0, 1))  # the client's
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
        admit = self.service.relay.route
        self.service.relay.route = lambda client_info: 1 / 0  # type: ignore[assignment,return-value]  # it is to fail
        self.client().send(b"x")
        self.loop.until(self._flush, "the mistake")
        self.service.relay.route = admit  # type: ignore[method-assign]  # see above
        self.assertEqual((self.open, self.inbound.associations, self.inbound.dropped), (0, 0, 1))
        client = self.client()
        client.send(b"y")
        self.came(self.server, b"y")

    def test_later_mistake(self) -> None:
        """A mistake after a source's association was made ends that."""
        carry = self.service.relay.handle
        self.service.relay.handle = lambda route, client, gate: 1 / 0  # type: ignore[assignment,misc]  # it is to fail
        client = self.client()
        client.send(b"x")
        self.loop.until(self._flush, "the mistake")
        self.assertEqual(self.inbound.associations, 0)
        self.service.relay.handle = carry  # type: ignore[method-assign]  # see above
        client.send(b"y")
        self.came(self.server, b"y")

    def _flush(self) -> object:
        return self.flushLoggedErrors(ZeroDivisionError)


class SourcesTest(DatagramCase):
    """A bound to the associations."""

    inbound_options = {"max_associations": 2}  # noqa: RUF012 - see DatagramCase

    def test_most(self) -> None:
        """For one too many the one ends that was idle for longest, whether it sent or was answered
        last.
        """
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
        self.assertEqual(
            self.reason(), "client: the oldest of max_associations (2) made room for another"
        )
        host, port = clients[1].socket.getsockname()
        self.assertEqual((self.lines()[0]["peer"], self.open), (f"{host}:{port}", 2))

    def test_few_descriptors(self) -> None:
        """If the process may open fewer sockets than that, a flood of sources takes at most three
        in four.
        """
        self.successResultOf(self.inbound.stopService())
        self.patch(resource, "getrlimit", lambda which: (2, 4096))
        self.inbound.startService()
        for _ in range(2):
            client = self.client()
            client.send(b"x")
            self.came(self.server, b"x")
            self.assertEqual(self.open, 1)
        self.assertEqual(
            self.reason(),
            "client: the oldest of 1, as many as the limit of file descriptors allows, made "
            "room for another",
        )

    def test_fewer(self) -> None:
        """If a reload bounds them closer, those beyond that end when another source comes."""
        clients = [self.client() for _ in range(3)]
        for client in clients[:2]:
            client.send(b"x")
            self.came(self.server, b"x")
        self.inbound.apply(replace(self.inbound.options, max_associations=1))
        self.assertEqual(self.open, 2)
        clients[2].send(b"x")
        self.came(self.server, b"x")
        self.assertEqual(
            self.reason(2), "client: the oldest of max_associations (1) made room for another"
        )
        self.assertEqual((self.open, self.inbound.associations), (1, 1))


class CrowdTest(DatagramCase):
    """Many sources that come at once."""

    def test_few_in_a_turn(self) -> None:
        """They come in a few in each turn, so that everybody else has a turn as well, and all of
        them are carried in the end.
        """
        clients = [self.client() for _ in range(100)]
        grown = []
        for number, client in enumerate(clients):
            client.send(b"%d" % number)
        for _ in range(4):
            before = self.inbound.associations
            self.inbound._listeners[0].ready(IN)
            grown.append(self.inbound.associations - before)
        self.assertEqual(grown, [8, 8, 8, 8])
        self.until([self.server], lambda: len(self.server.came) == len(clients), "all of them")
        self.assertEqual(len(set(self.server.came)), len(clients))

    def test_as_before(self) -> None:
        """Once those who send are known they are read many at once again."""
        client = self.client()
        client.send(b"new")
        self.came(self.server, b"new")
        (listener,) = self.inbound._listeners
        for _ in range(4):
            client.send(b"known")
            self.came(self.server, b"known")
        self.assertEqual(listener._at_once, 64)


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
