"""How the figures are written down."""

from __future__ import annotations

import json
from collections.abc import Sized
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo
from pipetwist.page import document
from pipetwist.page.document import connections, traffic
from pipetwist.page.sampling import Sampler
from pipetwist.page.view import View
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Route
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.names import DIRECTIONS, traffic_name
from pipetwist.testing import FakeOutbound, FakeSide

_MANY = 700


class StepsTest(SynchronousTestCase):
    """With many users and connections."""

    def setUp(self) -> None:
        """Read the figures of them, and note how much is written at once."""
        table = ConnectionTable(Clock(), log=Logger(observer=LogPublisher()))
        store = MemoryCounterStore()
        for number in range(_MANY):
            user = f"user-{number}"
            client_info = ClientInfo("in", "192.0.2.1:4711", "192.0.2.1", user)
            table.open(Route(client_info, FakeOutbound("out"), None), FakeSide())
            for direction in DIRECTIONS:
                store.counter(traffic_name("user", user, direction)).add(1)
        self.sampler = Sampler(table, store)
        for _ in self.sampler.sample():
            pass
        self.sizes: list[int] = []
        self.patch(document, "encoded", self._encoded)

    def _encoded(self, what: Sized) -> bytes:
        self.sizes.append(len(what))
        return json.dumps(what).encode("ascii")

    def _steps(self, writing: Any) -> list[int]:
        """How much was written in each step."""
        steps: list[int] = []
        while True:
            before = sum(self.sizes)
            try:
                next(writing)
            except StopIteration:
                return [size for size in steps if size]
            steps.append(sum(self.sizes) - before)

    def test_traffic(self) -> None:
        """No more than 250 names are written before the relay has its turn again."""
        self.assertEqual(self._steps(traffic(self.sampler, changes_only=False)), [250, 250, 200])

    def test_connections(self) -> None:
        """Nor are more connections."""
        self.assertEqual(self._steps(connections(self.sampler, View(limit=1000))), [250, 250, 200])
