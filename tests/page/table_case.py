"""A connection table and counters, whose connections and bytes are the test's."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo
from pipetwist.interfaces import CounterStoreLike
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Route
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.names import traffic_name
from pipetwist.testing import FakeOutbound, FakeSide

__all__ = ["LIFE", "TableCase"]

LIFE = st.lists(
    st.one_of(
        st.just(("open", 0)),
        st.tuples(st.just("close"), st.integers(0, 5)),
        st.tuples(st.just("carry"), st.integers(0, 5)),
        st.just(("piece", 0)),
    ),
    max_size=40,
)
"""What may happen between the steps of a reading, for `TableCase.live`."""


class TableCase(SynchronousTestCase):
    """A test with both, which are empty at its start."""

    def setUp(self) -> None:
        """Make them."""
        self.clock = Clock()
        self.connection_table = ConnectionTable(self.clock, log=Logger(observer=LogPublisher()))
        self.store: CounterStoreLike = MemoryCounterStore()
        self.carried = 0
        """Bytes from clients in `live`."""

    def connect(self, user: str | None = None) -> tuple[Connection, FakeSide]:
        """A connection begins."""
        side = FakeSide()
        info = ClientInfo("in", "192.0.2.1:4711", "192.0.2.1", user)
        return self.connection_table.open(Route(info, FakeOutbound("out"), None), side), side

    def count(self, name: str, uplink: int, downlink: int) -> None:
        """A user has carried so many bytes more."""
        self.store.counter(traffic_name("user", name, "uplink")).add(uplink)
        self.store.counter(traffic_name("user", name, "downlink")).add(downlink)

    def live(self, steps: Iterable[tuple[str, int]], piece: Callable[[], object]) -> None:
        """Connections come, carry bytes and go; now and then a piece of a reading is done."""
        open_: list[tuple[Connection, FakeSide]] = []
        for what, which in steps:
            if what == "open":
                open_.append(self.connect())
            elif what == "piece":
                piece()
            elif which < len(open_):
                if what == "close":
                    self.connection_table.close(open_.pop(which)[0])
                else:
                    open_[which][1].received += 3
                    self.carried += 3
