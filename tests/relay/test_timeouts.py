"""Connections on which nothing moves."""

from __future__ import annotations

from twisted.logger import LogLevel, capturedLogs, formatEvent

from pipetwist.connection.client_info import Timeouts
from pipetwist.logs.levels import Level, LeveledLogger
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.testing import FakeOutbound, FakeSide
from tests.relay.connection_case import ConnectionTestCase


class TimeoutsTest(ConnectionTestCase):
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
