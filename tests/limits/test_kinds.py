"""Rates of connections of every kind that the kernel moves: what its counters count, against a
clock that the test moves.
"""

from __future__ import annotations

from typing import Any

from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.limits.limits import Limits
from pipetwist.relay.connection import Connection
from tests.limits.bearers import Passed
from tests.support.far_end import FarEnd
from tests.support.memory_transport import ready
from tests.support.relaying import RelayCase, over_ends

_LOTS = 1 << 40
_BYTES_PER_MEGABIT = 125_000
_STEP = 0.002


class LimitedSuite(RelayCase):
    """One limited connection, against a clock that the test moves."""

    def connection(self) -> Connection:
        """The one that is open."""
        (connection,) = self.service.relay.connection_table.connections()
        return connection

    def limit(self, up: float | None = None, down: float | None = None) -> None:
        """Limit the inbound, in megabits a second."""
        options = LimitOptions(up_mbps=up, down_mbps=down)
        limited = up is not None or down is not None
        self.service.relay.limit(Limits(inbound={"in": options} if limited else {}))

    def run_for(self, seconds: float, ends: list[FarEnd], *, up: bool = True) -> Passed:
        """Let so much time pass, and the ends do what they can; what was counted one way."""
        passed = Passed(self.loop.seconds())
        self.counted()
        for _ in range(round(seconds / _STEP)):
            while self.pump(ends):
                pass
            if self.listening is None:
                # A command does what it does by itself, in its own time.
                readers: list[Any] = list(self.loop.readers)
                ready(readers, [], _STEP)
            self.loop.advance(_STEP)
            passed.note(self.loop.seconds(), self.counted()[0 if up else 1])
        return passed

    def held(self, megabits: float, *, up: bool) -> None:
        """It is as fast as it may be once the burst is used, and no faster."""
        client, server = self.connect()
        ends = [client] if server is None else [client, server]
        sender = server if server is not None and not up else client
        rate = {"up": megabits} if up else {"down": megabits}
        self.limit(**rate)
        sender.send(_LOTS)
        self.run_for(1, ends)
        passed = self.run_for(2.5, ends, up=up)
        wanted = megabits * _BYTES_PER_MEGABIT
        more = 4096 if megabits < 10 else 1 << 16
        for seconds, part in ((2.0, 0.02), (0.2, 0.1)):
            for count in passed.windows(seconds):
                self.assertLessEqual(abs(count - wanted * seconds), part * wanted * seconds + more)

    def test_up(self) -> None:
        """What comes from a client."""
        self.held(1, up=True)

    def test_up_faster(self) -> None:
        """The same, many times as fast."""
        self.held(100 if self.listening is not None else 20, up=True)

    def test_down(self) -> None:
        """What goes to it."""
        self.held(0.5, up=False)

    def test_reload(self) -> None:
        """Limits that come, change and go while it is open hold at once; the bytes are whole, and
        the end comes through.
        """
        client, server = self.connect()
        ends = [client] if server is None else [client, server]
        other = server or client
        client.send(3_000_000)
        self.limit(up=0.1)
        self.run_for(0.5, ends)
        first = other.came
        self.assertLess(first, 400_000)
        self.limit(up=2)
        self.run_for(2, ends)
        self.assertLess(other.came - first, 650_000)
        self.assertGreater(other.came - first, 400_000)
        self.limit(down=1000)
        self.limit()
        client.finish()
        if server is not None:
            server.finish()
        self.pump_until(ends, lambda: other.came == 3_000_000, "the rest")
        self.pump_until(ends, self.nothing_is_open, "the end")

    def test_all_of_it(self) -> None:
        """What has come is passed on to its last byte, though nothing more comes: OpenSSL may have
        the rest of a record of which the socket does not tell.
        """
        client, server = self.connect()
        ends = [client] if server is None else [client, server]
        self.limit(up=1)
        # Of the burst of 64 KiB a part of the last record is left.
        side = self.connection().client
        client.send(62_000)
        self.pump_until(ends, lambda: side.received == 62_000, "what it sent")
        client.send(10_000)
        self.pump_until(ends, lambda: side.received > 62_000, "what it sent then")
        self.run_for(1, ends)
        self.pump_until(ends, lambda: (server or client).came == 72_000, "all of it")

    def test_end_while_held(self) -> None:
        """A connection that ends while it is held leaves nothing behind."""
        client, server = self.connect()
        ends = [client] if server is None else [client, server]
        self.limit(up=0.064)
        client.send(1_000_000)
        self.run_for(0.1, ends)
        self.connection().stop("it is enough")
        self.pump_until(ends, self.nothing_is_open, "the end")
        self.loop.advance(1)
        # But for how often it was held, which is said at the end of the minute.
        self.service.relay.connection_table.limits.notices.stop()
        self.assertEqual(self.loop.getDelayedCalls(), [])


over_ends(LimitedSuite)
del LimitedSuite
