"""One connection being carried between sides in memory."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectingCancelledError, DNSLookupError
from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, LogPublisher, capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.connection.states import Phase
from pipetwist.errors import ConnectError, NameTimeoutError
from pipetwist.interfaces import IOutbound, ISide, ISideReceiver
from pipetwist.logs.levels import Level, LeveledLogger
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Route
from pipetwist.testing import FakeOutbound, FakeSide

_TIMEOUTS = Timeouts(idle=60, half_close=7)


class _ConnectionTestCase(SynchronousTestCase):
    """A connection of a client in memory."""

    def setUp(self) -> None:
        """Make the connection; nothing is connected yet."""
        self.clock = Clock()
        self.client = FakeSide()
        self.reasons: list[str] = []
        self.connection_table = ConnectionTable(
            self.clock,
            log=Logger(observer=LogPublisher()),
            over=lambda connection: self.reasons.append(connection.reason),
        )
        self.connection = self.begin_with(self.client)

    def begin_with(self, client: ISide, timeouts: Timeouts = _TIMEOUTS) -> Connection:
        """A connection of this client."""
        return self.connection_table.open(
            Route(ClientInfo("in", "peer", "source", None, timeouts), FakeOutbound(), None), client
        )

    def open(self, *, lingers: bool = False) -> FakeSide:
        """Connect an outbound; its side."""
        server = FakeSide(lingers=lingers)
        outbound = FakeOutbound(delays=True)
        self.connection.open(outbound)
        outbound.connecting[0].callback(server)
        return server

    def assertOver(self, reason: str) -> None:
        """It is over for this reason, and nothing of it is left on the clock."""
        self.assertEqual(self.reasons, [reason])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(self.client.over)


class ConnectingTest(_ConnectionTestCase):
    """From the client to the outbound."""

    def setUp(self) -> None:
        """Begin to connect an outbound that takes its time."""
        super().setUp()
        self.outbound = FakeOutbound(connect_timeout=5, delays=True)

    def begin(self) -> Deferred[ISide]:
        """Connect the outbound; its Deferred."""
        self.connection.open(self.outbound)
        (connecting,) = self.outbound.connecting
        return connecting

    def test_interface(self) -> None:
        """It hears of sides as the interface says."""
        verifyObject(ISideReceiver, self.connection)

    def test_client_waits(self) -> None:
        """The client is not read while the outbound is connected."""
        self.begin()
        self.client.deliver(b"early")
        self.assertFalse(self.client.reading)
        self.assertEqual(self.client.received, 0)

    def test_connected(self) -> None:
        """What the client sent meanwhile goes to the outbound once that is there, and no time-out
        is left but the idle one.
        """
        connecting = self.begin()
        self.client.deliver(b"early")
        server = FakeSide()
        connecting.callback(server)
        self.assertEqual(server.written, b"early")
        self.assertTrue(self.client.reading and server.reading)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_at_once(self) -> None:
        """An outbound that is there at once is no different."""
        outbound = FakeOutbound()
        self.connection.open(outbound)
        self.client.deliver(b"up")
        self.assertEqual(outbound.sides[0].written, b"up")
        self.client.lose()
        self.assertOver("client closed")

    def test_failed(self) -> None:
        """An outbound that can't be connected cuts the client off, with the error's text."""
        self.begin().errback(Failure(ConnectError("/run/out.sock: Connection refused")))
        self.assertEqual(self.client.asked, ["close_with_error"])
        self.assertOver("cannot connect: /run/out.sock: Connection refused")

    def test_failed_in_twisted(self) -> None:
        """An error of Twisted's is told in one line."""
        self.begin().errback(Failure(DNSLookupError("no results for hostname lookup: nowhere")))
        self.assertOver(
            "cannot connect: DNS lookup failed: no results for hostname lookup: nowhere"
        )

    def test_too_slow(self) -> None:
        """An outbound that does not answer in its time is given up."""
        self.begin()
        self.clock.advance(4.9)
        self.assertEqual(self.reasons, [])
        self.clock.advance(0.1)
        self.assertEqual(self.outbound.cancelled, 1)
        self.assertOver("cannot connect: no answer for 5 s")

    def test_too_slow_in_twisted(self) -> None:
        """An endpoint of Twisted's, which has an error of its own for what was cancelled, is no
        different.
        """
        self.begin_cancelled_with(ConnectingCancelledError("to nowhere"))
        self.clock.advance(5)
        self.assertOver("cannot connect: no answer for 5 s")

    def test_name_not_resolved(self) -> None:
        """Where it was the server's name that was waited for, that is said: the server itself was
        never asked.
        """
        for error, said in (
            (
                NameTimeoutError("relay: the name could not be resolved in time"),
                "relay: the name could not be resolved in time",
            ),
            (
                DNSLookupError("Couldn't find the hostname 'relay'"),
                "the name could not be resolved in time",
            ),
        ):
            self.setUp()
            self.begin_cancelled_with(error)
            self.clock.advance(5)
            self.assertOver(f"cannot connect: {said}")

    def test_client_goes(self) -> None:
        """A client that is lost meanwhile gives up connecting, and its loss is the reason."""
        self.begin()
        self.client.lose()
        self.assertEqual(self.outbound.cancelled, 1)
        self.assertOver("client closed")

    def test_client_goes_in_twisted(self) -> None:
        """The same with an endpoint of Twisted's."""
        self.begin_cancelled_with(ConnectingCancelledError("to nowhere"))
        self.client.lose("the connection was reset")
        self.assertOver("client: the connection was reset")

    def begin_cancelled_with(self, error: Exception) -> None:
        """Connect an outbound that fails with an error of its own when it is cancelled."""
        connecting: Deferred[ISide] = Deferred(lambda deferred: deferred.errback(error))
        self.patch(self.outbound, "connect", lambda: connecting)
        self.connection.open(self.outbound)

    def test_client_gone_before(self) -> None:
        """Nothing is connected for a client that was lost before."""
        self.client.lose()
        self.connection.open(self.outbound)
        self.assertEqual(self.outbound.connecting, [])
        self.assertOver("client closed")

    def test_connected_in_vain(self) -> None:
        """A side that comes although connecting was given up is aborted."""
        late: Deferred[ISide] = Deferred(lambda deferred: deferred.callback(server))
        server = FakeSide()
        self.patch(self.outbound, "connect", lambda: late)
        self.connection.open(self.outbound)
        self.client.lose()
        self.assertEqual(server.asked, ["abort"])
        self.assertOver("client closed")

    def test_lost_when_it_comes(self) -> None:
        """A side that is lost by the time that it is there closes the client, with its cause."""
        connecting = self.begin()
        server = FakeSide()
        server.lose("the command exited with status 1")
        connecting.callback(server)
        self.assertOver("server: the command exited with status 1")

    def test_stopped(self) -> None:
        """A stop meanwhile gives up connecting and aborts the client."""
        self.begin()
        self.connection.stop("pipetwist is stopping")
        self.assertEqual((self.outbound.cancelled, self.client.asked), (1, ["abort"]))
        self.assertOver("pipetwist is stopping")

    def test_outbound_that_raises(self) -> None:
        """An outbound that raises instead of failing is a failure of this connection, and of no
        other.
        """

        def connect() -> Deferred[ISide]:
            message = "a mistake"
            raise ValueError(message)

        self.patch(self.outbound, "connect", connect)
        self.connection.open(self.outbound)
        self.assertOver("cannot connect: a mistake")

    def test_side_that_raises(self) -> None:
        """A side that fails in pipetwist itself ends the connection, and is logged with its
        traceback.
        """

        @implementer(ISide)
        class Broken(FakeSide):
            def resume_reading(self) -> None:
                message = "a mistake"
                raise ValueError(message)

        server = Broken()
        self.begin().callback(server)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(server.asked, ["abort"])
        self.assertOver("internal error: a mistake")

    def test_side_that_raises_at_once(self) -> None:
        """The same where the side was there at once."""
        server = FakeSide()

        def resume_reading() -> None:
            message = "a mistake"
            raise ValueError(message)

        self.patch(server, "resume_reading", resume_reading)
        self.patch(self.outbound, "connect", lambda: server)
        self.connection.open(self.outbound)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertOver("internal error: a mistake")

    def test_there_at_once(self) -> None:
        """A side that is there at once is carried without more ado."""
        server = FakeSide()
        self.patch(self.outbound, "connect", lambda: server)
        self.connection.open(self.outbound)
        self.client.deliver(b"hello")
        self.assertEqual(server.written, b"hello")

    def test_outbound_is_one(self) -> None:
        """The outbound of these tests is what the interface says."""
        verifyObject(IOutbound, self.outbound)


class BytesTest(_ConnectionTestCase):
    """What moves, and how it ends."""

    def test_both_ways(self) -> None:
        """Bytes go both ways, in order."""
        server = self.open()
        for data in (b"a", b"b"):
            self.client.deliver(data)
            server.deliver(data.upper())
        self.assertEqual((server.written, self.client.written), (b"ab", b"AB"))

    def test_half_close(self) -> None:
        """An end of file goes on after what was sent, and the answer comes back whole."""
        server = self.open()
        self.client.deliver(b"question")
        self.client.end()
        self.assertEqual((server.written, server.asked[-1]), (b"question", "write_eof"))
        server.deliver(b"answer")
        server.end()
        self.assertEqual(self.client.written, b"answer")
        self.assertOver("client closed")

    def test_half_close_of_the_server(self) -> None:
        """The other way round it is the same."""
        server = self.open()
        server.deliver(b"banner")
        server.end()
        self.assertEqual((self.client.written, self.client.asked[-1]), (b"banner", "write_eof"))
        self.client.deliver(b"more")
        self.client.end()
        self.assertEqual(server.written, b"more")
        self.assertOver("server closed")

    def test_server_lost(self) -> None:
        """When the outbound's side is lost the client gets everything first, however long it
        takes.
        """
        server = self.open()
        self.client.stall()
        server.deliver(b"answer")
        server.lose()
        self.assertFalse(self.client.over)
        self.client.drain()
        self.assertEqual(self.client.delivered, 6)
        self.assertOver("server closed")

    def test_client_lost(self) -> None:
        """When the client is lost the outbound's side gets everything first, then nobody waits for
        it.
        """
        server = self.open()
        server.stall()
        self.client.deliver(b"last words")
        self.client.lose()
        self.assertFalse(server.over)
        server.drain()
        self.assertEqual((server.delivered, server.asked[-1]), (10, "disconnect"))
        self.assertOver("client closed")

    def test_peer_gone_while_held_back(self) -> None:
        """A peer that goes while it is held back is read to its end before it is over."""
        server = self.open()
        server.fill()
        self.client.deliver(b"last words")
        self.client.end()
        self.client.go()
        self.assertFalse(self.client.over)
        server.drain()
        self.assertEqual(server.written, b"last words")
        self.assertOver("client closed")

    def test_lingering(self) -> None:
        """It is over when the last side is."""
        server = self.open(lingers=True)
        self.client.lose()
        self.assertEqual((server.asked[-1], self.reasons), ("disconnect", []))
        server.lose()
        self.assertOver("client closed")

    def test_back_pressure(self) -> None:
        """A side that takes no more stops the other's reading, each for itself, until it takes
        everything.
        """
        server = self.open()
        server.fill()
        self.assertEqual((self.client.reading, server.reading), (False, True))
        self.client.fill()
        self.assertEqual((self.client.reading, server.reading), (False, False))
        server.drain()
        self.assertEqual((self.client.reading, server.reading), (True, False))
        self.client.drain()
        self.assertEqual((self.client.reading, server.reading), (True, True))

    def test_crowded_from_the_start(self) -> None:
        """A side that is crowded by what had come before is not given more when bytes begin to
        move.
        """

        class Early(FakeSide):
            """Hands on what has come although it is paused, as TLS does."""

            def attach(self, receiver: object) -> None:
                super().attach(receiver)  # type: ignore[arg-type]  # the base's interface is zope's
                self.receiver.data_received(self, b"early")

        class Small(FakeSide):
            """Takes nothing."""

            def write(self, data: bytes) -> None:
                super().write(data)
                self.fill()

        client, server = Early(), Small()
        connection = self.begin_with(client)
        outbound = FakeOutbound(delays=True)
        connection.open(outbound)
        outbound.connecting[0].callback(server)
        self.assertEqual(server.written, b"early")
        self.assertEqual((client.reading, server.reading), (False, True))
        server.drain()
        self.assertTrue(client.reading)
        self.assertIs(connection.phase, Phase.OPEN)


class TimeoutsTest(_ConnectionTestCase):
    """Connections on which nothing moves."""

    def test_idle(self) -> None:
        """One that is open both ways is ended after its inbound's idle time-out."""
        server = self.open()
        self.clock.pump([1] * 59)
        self.assertEqual(self.reasons, [])
        self.clock.pump([1] * 2)
        self.assertEqual((self.client.asked[-1], server.asked[-1]), ("abort", "abort"))
        self.assertOver("no byte moved for 60 s")

    def test_never_idle(self) -> None:
        """Without that time-out it may go on for ever."""
        connection = self.begin_with(FakeSide(), Timeouts())
        connection.open(FakeOutbound())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_bytes_move(self) -> None:
        """A byte that is delivered on either side gives the whole time again; one that is only read
        does not.
        """
        server = self.open()
        for moving in (self.client, server):
            self.clock.pump([1] * 50)
            moving.deliver(b"x")
        self.clock.pump([1] * 50)
        self.assertEqual(self.reasons, [])
        server.stall()
        self.client.deliver(b"read, and no more")
        self.clock.pump([1] * 12)
        self.assertOver("no byte moved for 60 s")

    def test_half_closed(self) -> None:
        """One of which a direction has ended is ended after the half-close time-out, where no byte
        moves.
        """
        server = self.open()
        self.client.end()
        self.clock.pump([0.5] * 12)
        server.deliver(b"x")
        self.clock.pump([0.5] * 13)
        self.assertEqual(self.reasons, [])
        self.clock.pump([0.5] * 4)
        self.assertOver("client closed; no byte moved for 7 s")

    def test_closing(self) -> None:
        """One that is closing is ended after it too."""
        server = self.open()
        self.client.stall()
        server.deliver(b"answer")
        server.lose()
        self.clock.pump([0.5] * 15)
        self.assertEqual(self.client.asked[-1], "abort")
        self.assertOver("server closed; no byte moved for 7 s")

    def test_shown(self) -> None:
        """What a connection is, where it is in its life, and its sides can be seen."""
        server = self.open()
        self.client.end()
        self.assertEqual(
            (self.connection.name_of(self.client), self.connection.name_of(server)),
            ("#1 client", "#1 server"),
        )
        self.assertEqual(
            repr(self.connection),
            f"<Connection #1 in -> out HALF_CLOSED client=ENDED server=SENDS, {self.client!r} "
            f"{server!r}>",
        )

    def test_told(self) -> None:
        """At the level debug each change of its state is logged, with its number, what happened,
        and what follows; at info nothing is.
        """
        said = []
        levels: tuple[Level, ...] = ("debug", "info")
        for level in levels:
            self.connection_table = ConnectionTable(
                self.clock, log=LeveledLogger("pipetwist", level)
            )
            self.client = FakeSide()
            self.connection = self.begin_with(self.client)
            with capturedLogs() as events:
                server = self.open()
                self.client.end()
                server.lose("reset")
            said += [formatEvent(event) for event in events if event["log_level"] is LogLevel.debug]
        self.assertEqual(
            said,
            [
                "connection 1: CONNECTED: OPEN client=SENDS server=SENDS",
                "connection 1: READ_ENDED client: HALF_CLOSED client=ENDED server=SENDS",
                "connection 1: TRUNCATED server: CLOSING client=ENDED server=LOST",
                "connection 1: LOST client: CLOSED",
            ],
        )

    def test_untold(self) -> None:
        """Below the level the log is not even called, for a change of state or for the line at the
        end.
        """
        log = LeveledLogger("pipetwist", "warn")
        for name in ("debug", "info"):
            self.patch(log, name, lambda *_, **__: self.fail("called for nothing"))
        self.connection_table = ConnectionTable(self.clock, log=log)
        self.connection = self.begin_with(self.client)
        self.open()
        self.client.lose()
        self.assertEqual(len(self.connection_table), 0)
