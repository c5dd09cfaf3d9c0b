"""Quotas over connections of every kind: what the ends have received is no more than there is."""

from __future__ import annotations

from datetime import timezone
from typing import Any

from pipetwist.kinds.limit_options import LimitOptions, QuotaOptions, UserLimitOptions
from pipetwist.limits.limits import Limits
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.quota_table import QuotaTable
from pipetwist.relay.connection import Connection
from tests.quotas.counters import FileLikeCounter
from tests.support.far_end import FarEnd
from tests.support.memory_transport import ready
from tests.support.relaying import RelayCase, over_ends

_DAY = 86400.0
_LOTS = 1 << 40
# What can't be divided: a record of TLS, a read of Twisted's transports.
_MORE = 1 << 16


class QuotaSuite(RelayCase):
    """Connections of one user, against a clock that the test moves."""

    def setUp(self) -> None:
        """Have a file for what is used."""
        super().setUp()
        self.counters: dict[str, FileLikeCounter] = {}

    def limit(self, *quotas: QuotaOptions) -> None:
        """Give the user of all connections these quotas."""
        table = self.service.relay.connection_table
        counters = self.counters
        if table.limits.quotas is None:
            quotas_of_all = QuotaTable(
                self.loop,
                Calendar(lambda: 20_000 * _DAY + self.loop.seconds(), timezone.utc),
                lambda name: counters.setdefault(name, FileLikeCounter(len(counters))),
                counters.__contains__,
                table.look_again,
            )
            table.limits.keep_quotas(quotas_of_all)
            self.addCleanup(quotas_of_all.stop)
        for connection in table.connections():
            connection.client_info = connection.client_info._replace(user="alice")
        self.service.relay.limit(Limits(user={"alice": UserLimitOptions(quota=quotas)}))

    def used(self) -> int:
        """What the user has used."""
        quotas = self.service.relay.connection_table.limits.quotas
        assert quotas is not None
        (quota,) = quotas.of("alice")
        return quota.used

    def open(self) -> tuple[Connection, FarEnd, FarEnd, list[FarEnd]]:
        """Open a connection; its ends, of which the second is the first where a command echoes."""
        client, server = self.connect()
        (connection,) = self.service.relay.connection_table.connections()
        ends = [client] if server is None else [client, server]
        return connection, client, server or client, ends

    def step(self, ends: list[FarEnd]) -> None:
        """Let the ends do what they can, and a little time pass."""
        while self.pump(ends) and self.service.relay.open_connections:
            pass
        if self.listening is None:
            # A command does what it does by itself, in its own time.
            readers: list[Any] = list(self.loop.readers)
            ready(readers, [], 0.002)
        self.loop.advance(0.002)

    def test_end(self) -> None:
        """The connection ends when it is used up, and says so; another one ends at once."""
        connection, client, other, ends = self.open()
        self.limit(QuotaOptions(bytes=1_000_000, per="day", count="up"))
        client.send(_LOTS)
        for _ in range(5000):
            self.step(ends)
            if self.nothing_is_open():
                break
        self.assertIn("user alice has used up its quota of 1MB a day", connection.reason)
        self.assertLessEqual(self.used(), 1_000_000 + _MORE)
        self.assertLessEqual(other.came, self.used())
        self.assertGreaterEqual(connection.uplink, 1_000_000)

    def test_then(self) -> None:
        """Other limits hold when it is used up, until the next period; all of it is counted."""
        connection, client, other, ends = self.open()
        slow = LimitOptions(up_mbps=0.5, down_mbps=0.5)
        self.limit(QuotaOptions(bytes=200_000, per="day", count="up", then=slow))
        client.send(400_000)
        for _ in range(500):
            self.step(ends)
        self.assertGreater(connection.uplink, 200_000)
        self.assertLess(connection.uplink, 200_000 + 62_500 + 2 * _MORE)
        self.assertEqual(self.used(), connection.uplink)
        self.loop.advance(_DAY)
        client.finish()
        if other is not client:
            other.finish()
        self.pump_until(ends, lambda: other.came == 400_000, "the rest")
        self.pump_until(ends, self.nothing_is_open, "the end")
        periods = [counter.numbers() for counter in self.counters.values()]
        self.assertEqual(sum(total - begin for total, begin in periods), 400_000)
        self.assertGreater(self.used(), 0)


over_ends(QuotaSuite)
del QuotaSuite
