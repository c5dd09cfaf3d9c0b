"""Bounds on connections, through all of pipetwist's services."""

from __future__ import annotations

import json
import select
import socket
from typing import Any

from twisted.logger import capturedLogs, formatEvent

from pipetwist.config.reading import parse_document
from pipetwist.errors import ConfigError
from pipetwist.kinds.limit_options import LimitOptions, UserLimitOptions
from pipetwist.limits.limits import Limits
from pipetwist.page.sampling import Sampler
from pipetwist.page.view import View
from pipetwist.service.limiting import Limiter
from tests.support.documents import FOLDER
from tests.support.memory_transport import ready
from tests.support.page_document import told
from tests.support.relaying import RelayCase


class BoundedCase(RelayCase):
    """An inbound, and clients that may have to wait."""

    def limit(self, **limits: Any) -> None:
        """Limit the inbound."""
        limits_now = Limits(inbound={"in": LimitOptions(**limits)} if limits else {})
        limiter: Limiter = self.service._reloader._limit.__self__  # type: ignore[attr-defined]  # a bound method
        self.service.relay.limit(limits_now)
        limiter._caps.configure(limits_now)

    def come(self) -> socket.socket:
        """A client that connects, and may wait in the queue."""
        client = socket.socket(socket.AF_UNIX if self.clients == "unix" else socket.AF_INET)
        self.addCleanup(client.close)
        if self.clients == "unix":
            client.connect(str(self.folder / "in"))
        else:
            client.connect(("127.0.0.1", self.service.inbounds["in"].port))
        self.turn()
        return client

    def turn(self) -> None:
        """Let happen what can."""
        for _ in range(5):
            self.loop.settle()
            self.loop.advance(0)

    @property
    def open(self) -> int:
        """How many connections are open."""
        return self.service.relay.open_connections


class InboundTest(BoundedCase):
    """An inbound on a unix socket, and an outbound."""

    def test_waits(self) -> None:
        """Nobody beyond is accepted and dropped: they wait in the queue until another has gone."""
        self.limit(max_connections=2)
        clients = [self.come() for _ in range(4)]
        self.assertEqual(self.open, 2)
        self.assertEqual(select.select(clients, [], [], 0)[0], [])
        clients[0].close()
        self.loop.until(lambda: self.service.relay.connection_table.total == 3, "the third")
        self.turn()
        self.assertEqual(self.open, 2)
        self.limit()
        self.loop.until(lambda: self.open == 3, "the fourth")

    def test_raised(self) -> None:
        """A reload with a higher bound lets in who waits; with a lower one nobody is closed."""
        self.limit(max_connections=1)
        clients = [self.come() for _ in range(3)]
        self.limit(max_connections=3)
        self.turn()
        self.assertEqual(self.open, 3)
        self.limit(max_connections=1)
        self.turn()
        self.assertEqual(self.open, 3)
        del clients

    def test_per_second(self) -> None:
        """Of those who come at once so many are accepted in each second."""
        self.limit(connections_per_second=2.0)
        clients = [self.come() for _ in range(5)]
        counts = []
        for _ in range(4):
            self.turn()
            counts.append(self.open)
            self.loop.advance(0.5)
        self.assertEqual(counts, [2, 3, 4, 5])
        self.limit()
        del clients

    def test_per_second_raised(self) -> None:
        """After a reload with more a second nobody waits for as long as before."""
        self.limit(connections_per_second=0.01)
        clients = [self.come() for _ in range(14)]
        self.assertEqual(self.open, 1)
        self.limit(connections_per_second=10.0)
        self.turn()
        self.assertEqual(self.open, 11)
        self.loop.advance(0.2)
        self.turn()
        self.assertEqual(self.open, 13)
        self.limit()
        del clients

    def test_stop(self) -> None:
        """Once pipetwist has stopped nobody is to be woken any more."""
        self.limit(connections_per_second=0.01)
        clients = [self.come() for _ in range(2)]
        cap = self.service.inbounds["in"].context.shares.share("in").cap
        self.assertIsNotNone(cap._call)
        for client in clients:
            client.close()
        self.loop.until(lambda: not self.open, "the end")
        self.service.stopService()
        self.assertIsNone(cap._call)

    def test_outbound(self) -> None:
        """Beyond the bound of an outbound clients are refused, and told in the log once a minute,
        each of them at debug only; the others go on.
        """
        self.service.relay.limit(Limits(outbound={"out": LimitOptions(max_connections=1)}))
        first, _ = self.connect()
        with capturedLogs() as events:
            second, *others = [self.come() for _ in range(3)]
        self.assertEqual(
            [formatEvent(event) for event in events if "refused" in formatEvent(event)],
            ["outbound out has reached max_connections: new connections are refused"],
        )
        self.service.log.set_level("debug")
        with capturedLogs() as events:
            others.append(self.come())
            self.loop.advance(60)
        self.service.log.set_level("info")
        said = [formatEvent(event) for event in events if "refused" in formatEvent(event)]
        self.assertRegex(
            said[0], "inbound in: refused pid:.*: max_connections of outbound out is 1"
        )
        self.assertRegex(
            said[1], "outbound out has reached max_connections: .*; 3 more times since"
        )
        self.assertEqual(len(said), 2)
        second.setblocking(False)
        self.loop.until(lambda: ready([second], [], 0)[0], "the end of the second")
        self.assertEqual(second.recv(1), b"")
        first.close()
        self.loop.until(lambda: not self.open, "the end of the first")
        third, _ = self.connect()
        self.assertEqual(self.open, 1)
        third.close()

    def test_shown(self) -> None:
        """The page shows which limit holds a connection back, as long as one does."""
        client, server = self.connect()
        assert server is not None
        sampler = Sampler(self.service.relay.connection_table, self.service.store)

        def held_by() -> object:
            for _ in sampler.sample():
                pass
            return json.loads(told(sampler, View()))["connections"]["rows"][0]["held_by"]

        self.assertIsNone(held_by())
        self.limit(up_mbps=0.064)
        client.send(200_000)
        self.pump_until([client, server], held_by, "it to be held back")
        self.assertEqual(held_by(), "up_mbps of inbound in")
        self.limit()
        self.pump_until([client, server], lambda: server.came == 200_000, "the rest")
        self.assertIsNone(held_by())

    def test_not_idle(self) -> None:
        """A connection that a limit holds back is not closed as one on which no byte moves."""
        client, server = self.connect()
        assert server is not None
        self.limit(up_mbps=0.064)
        client.send(200_000)
        limits = self.service.relay.connection_table.limits
        (connection,) = self.service.relay.connection_table.connections()
        self.pump_until([client, server], lambda: limits.held_by(connection), "it to be held")
        now = self.loop.seconds() + 1000
        connection.look(now, 5.0)
        self.assertFalse(connection.look(now + 1000, 5.0))
        self.limit()
        self.pump_until([client, server], lambda: server.came == 200_000, "the rest")
        connection.look(now + 2000, 5.0)
        self.assertTrue(connection.look(now + 3000, 5.0))

    def test_counted_before(self) -> None:
        """Those who were connected before a reload count."""
        first, _ = self.connect()
        self.service.relay.limit(Limits(outbound={"out": LimitOptions(max_connections=1)}))
        second = self.come()
        second.setblocking(False)
        self.loop.until(lambda: ready([second], [], 0)[0], "the end of the second")
        self.assertEqual(self.open, 1)
        first.close()


class ExpiryTest(BoundedCase):
    """A client of a user whose time is over."""

    def limit_users(self, expires: str | None) -> None:
        """Give every user this moment."""
        default = None if expires is None else UserLimitOptions(expires=expires)
        self.service.relay.limit(Limits(default=default))

    def test_reload(self) -> None:
        """A reload by which a user has expired ends its open connections and says why; those of
        nobody, and of one who has time left, go on.
        """
        first, server = self.connect()
        assert server is not None
        second, _ = self.connect()
        table = self.service.relay.connection_table
        of_alice, other = table.connections()
        of_alice.client_info = of_alice.client_info._replace(user="alice")
        self.limit_users("2999-01-01")
        self.pump([first, second, server])
        self.assertEqual(self.open, 2)
        self.limit_users("2020-01-01")
        self.pump_until([first, second, server], lambda: self.open == 1, "its end")
        self.assertIn("user alice has expired (2020-01-01)", of_alice.reason)
        self.assertEqual(table.connections(), [other])
        self.limit_users(None)
        self.assertEqual(self.open, 1)


class HandshakeTest(BoundedCase):
    """An inbound with TLS, whose clients count from when they are accepted."""

    clients = "tls"

    def test_handshake(self) -> None:
        """One in its handshake takes a place, and gives it back where it fails."""
        self.limit(max_connections=1)
        first = self.come()
        second = self.come()
        self.assertEqual(self.open, 0)
        second.setblocking(False)
        first.sendall(b"this is no ClientHello, and nobody takes it for one")
        self.turn()
        first.close()
        before = self.service.inbounds["in"]
        share = before.context.shares.share("in")
        self.loop.until(lambda: share.cap.clients == 1, "the second in its handshake")
        second.close()
        self.loop.until(lambda: share.cap.clients == 0, "its end")

    def test_in_handshake(self) -> None:
        """One that is in its handshake when a bound is set counts, and goes once."""
        first = self.come()
        self.limit(max_connections=1)
        share = self.service.inbounds["in"].context.shares.share("in")
        self.assertEqual(share.cap.clients, 1)
        first.close()
        self.loop.until(lambda: share.cap.clients != 1, "its end")
        self.assertEqual(share.cap.clients, 0)


class DatagramsTest(RelayCase):
    """What an inbound of datagrams can't have."""

    def setUp(self) -> None:
        """Start nothing."""

    def test_refused(self) -> None:
        """There these bounds are errors, which say what there is instead."""
        for key, said in (
            ("max_connections", "max_associations"),
            ("connections_per_second", "nothing can wait"),
        ):
            text = (
                f'{{"inbounds": [{{"type": "udp", "tag": "in", "listen_port": 1, '
                f'"limits": {{"{key}": 1}}}}], '
                '"outbounds": [{"type": "udp", "tag": "out", "server": "::1", "server_port": 2}]}'
            )
            found = self.assertRaises(ConfigError, parse_document, text, FOLDER, "file")
            self.assertIn(said, str(found))
