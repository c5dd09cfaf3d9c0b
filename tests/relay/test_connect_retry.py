"""Outbounds whose server is not there yet, on a clock."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionRefusedError  # noqa: A004 - Twisted's name
from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import ConnectError, NobodyListensError
from pipetwist.interfaces import ISide
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Relay, Route
from pipetwist.relay.routing_table import Current, RoutingTable
from pipetwist.routing.router import Router
from pipetwist.testing import FakeOutbound, FakeSide

_REFUSED = "/run/server.sock: Connection refused"


class _RetryTestCase(SynchronousTestCase):
    """A client in memory of an outbound that answers when the test says so."""

    def setUp(self) -> None:
        """Prepare them; nothing is tried yet."""
        self.clock = Clock()
        self.client = FakeSide()
        self.reasons: list[str] = []
        self.outbound = FakeOutbound(connect_timeout=5, connect_retry=3, delays=True)

    def begin(self) -> Connection:
        """Connect the outbound for the client."""
        table = ConnectionTable(
            self.clock,
            log=Logger(observer=LogPublisher()),
            over=lambda connection: self.reasons.append(connection.reason),
        )
        route = Route(ClientInfo("in", "peer", "source"), self.outbound, None)
        self.connection = table.open(route, self.client)
        self.connection.open(self.outbound)
        return self.connection

    @property
    def tries(self) -> int:
        """How many there were."""
        return len(self.outbound.connecting)

    def refuse(self, error: Exception | None = None) -> None:
        """Nobody listens there now."""
        self.outbound.connecting[-1].errback(error or NobodyListensError(_REFUSED))

    def assertOver(self, reason: str) -> None:
        """It is over for this reason, nothing of it is left on the clock, and nothing is tried."""
        tries = self.tries
        self.assertEqual(self.reasons, [reason])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(100)
        self.assertEqual(self.tries, tries)
        self.assertTrue(self.client.over)


class RetryingTest(_RetryTestCase):
    """When it is tried again."""

    def test_served(self) -> None:
        """Once the server is there the client is served with all that it sent, and nothing is left
        on the clock but the time-outs that any connection has.
        """
        self.begin()
        self.client.deliver(b"early")
        for pause in (0.05, 0.1, 0.2):
            self.refuse()
            self.clock.advance(pause)
        self.assertFalse(self.client.reading)
        server = FakeSide()
        self.outbound.connecting[-1].callback(server)
        self.assertEqual((self.tries, server.written), (4, b"early"))
        self.assertTrue(self.client.reading)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.client.lose()
        self.assertOver("client closed")

    def test_at_once(self) -> None:
        """A later try may be done at once, as one to a unix socket is."""
        self.begin()
        self.refuse()
        server = FakeSide()
        self.patch(self.outbound, "connect", lambda: server)
        self.clock.advance(0.05)
        self.client.deliver(b"hello")
        self.assertEqual(server.written, b"hello")

    def test_pauses(self) -> None:
        """The pauses begin with 50 ms, double, and are a second at most; the last ends with the
        time, and how many tries there were is reported.
        """
        times: list[float] = []

        def refuse() -> Deferred[ISide]:
            times.append(round(self.clock.seconds(), 9))
            return fail(NobodyListensError(_REFUSED))

        self.patch(self.outbound, "connect", refuse)
        self.begin()
        while self.clock.getDelayedCalls():
            self.clock.advance(self.clock.getDelayedCalls()[0].getTime() - self.clock.seconds())
        self.assertEqual(times, [0, 0.05, 0.15, 0.35, 0.75, 1.55, 2.55, 3])
        self.assertEqual(self.client.asked[-1], "close_with_error")
        self.assertOver(f"cannot connect: {_REFUSED}, after 8 tries in 3.0 s")

    def test_time_runs_on(self) -> None:
        """The time counts what the tries take; after it none begins, and one that has begun is not
        cut short.
        """
        self.begin()
        self.clock.advance(2.9)
        self.refuse()
        self.clock.advance(0.05)
        self.assertEqual(self.tries, 2)
        self.clock.advance(4.9)
        self.refuse()
        self.assertOver(f"cannot connect: {_REFUSED}, after 2 tries in 7.8 s")

    def test_too_slow(self) -> None:
        """Each try has the whole time-out; one that gets no answer in it ends them."""
        self.begin()
        self.refuse()
        self.clock.advance(0.05)
        self.clock.advance(4.9)
        self.assertEqual(self.reasons, [])
        self.clock.advance(0.1)
        self.assertEqual(self.outbound.cancelled, 1)
        self.assertOver("cannot connect: no answer for 5 s, after 2 tries in 5.0 s")

    def test_refused_by_tcp(self) -> None:
        """What Twisted's transports say of a refusal is no different."""
        self.begin()
        self.refuse(ConnectionRefusedError())
        self.clock.advance(0.05)
        self.assertEqual(self.tries, 2)

    def test_other_failures(self) -> None:
        """Anything else than that nobody listens there is reported at once, as it always is."""
        self.begin()
        self.refuse(ConnectError("TLS: certificate verify failed"))
        self.assertOver("cannot connect: TLS: certificate verify failed")

    def test_later_failures(self) -> None:
        """So it is after a few tries, of which it tells."""
        self.begin()
        self.refuse()
        self.clock.advance(0.05)
        self.refuse(ConnectError("there: Permission denied"))
        self.assertOver("cannot connect: there: Permission denied, after 2 tries in 0.1 s")

    def test_off(self) -> None:
        """Without the key there is one try, and the text is the error's."""
        self.outbound.connect_retry = None
        self.begin()
        self.refuse()
        self.assertOver(f"cannot connect: {_REFUSED}")

    def test_outbound_without(self) -> None:
        """An outbound that knows nothing of it is tried once."""
        del self.outbound.connect_retry
        self.begin()
        self.refuse()
        self.assertOver(f"cannot connect: {_REFUSED}")


class GivingUpTest(_RetryTestCase):
    """What ends it before its time."""

    def test_client_goes(self) -> None:
        """A client that goes in a pause ends it at once."""
        self.begin()
        self.refuse()
        self.client.go()
        self.assertOver(f"cannot connect: {_REFUSED}, after 1 try in 0.0 s; the client has gone")

    def test_client_goes_in_a_try(self) -> None:
        """One that goes in a try may still be served by it; there is no other."""
        self.begin()
        self.refuse()
        self.clock.advance(0.05)
        self.client.go()
        self.assertEqual((self.reasons, self.outbound.cancelled), ([], 0))
        self.refuse()
        self.assertOver(f"cannot connect: {_REFUSED}, after 2 tries in 0.1 s; the client has gone")

    def test_client_gone_before(self) -> None:
        """One that had gone before the first try is not waited for either."""
        self.client.go()
        self.begin()
        self.refuse()
        self.assertOver(f"cannot connect: {_REFUSED}, after 1 try in 0.0 s; the client has gone")

    def test_client_lost(self) -> None:
        """A client that is lost ends it, in a pause and in a try, which is given up."""
        for pause, cancelled in ((0, 0), (0.05, 1)):
            self.setUp()
            self.begin()
            self.refuse()
            self.clock.advance(pause)
            self.client.lose("the connection was reset")
            self.assertEqual(self.outbound.cancelled, cancelled)
            self.assertOver("client: the connection was reset")


class StoppingTest(_RetryTestCase):
    """What a stop of the daemon does."""

    def setUp(self) -> None:
        """Prepare a relay."""
        super().setUp()
        self.relay = Relay(
            self.clock,
            Current(RoutingTable(Router((), "out"), {"out": self.outbound})),
            log=Logger(observer=LogPublisher()),
        )

    def handle(self) -> FakeSide:
        """Have a client carried."""
        client = FakeSide()
        self.relay.handle(self.relay.route(ClientInfo("in", "peer", "source")), client)
        return client

    def test_stop(self) -> None:
        """A stop does not wait for a server that is not there yet."""
        waits, tries = self.handle(), self.handle()
        for connecting in self.outbound.connecting:
            connecting.errback(NobodyListensError(_REFUSED))
        self.clock.advance(0.05)
        self.outbound.connecting[2].errback(NobodyListensError(_REFUSED))
        drained = self.relay.drain(5)
        self.assertEqual((waits.over, tries.over), (True, False))
        self.assertNoResult(drained)
        self.outbound.connecting[3].errback(NobodyListensError(_REFUSED))
        self.successResultOf(drained)
        self.assertEqual((tries.over, self.clock.getDelayedCalls()), (True, []))

    def test_comes_late(self) -> None:
        """The same for a client that is admitted only after that, as from a handshake."""
        self.handle()
        drained = self.relay.drain(5)
        late = self.handle()
        for connecting in self.outbound.connecting:
            connecting.errback(NobodyListensError(_REFUSED))
        self.assertTrue(late.over)
        self.successResultOf(drained)
