"""A relay that carries nothing: connections with invented names that seem to move bytes, the same
ones each time.

``python -m tests.support.pretended_relay --minutes 5`` serves the page on it, with minutes that
pass in seconds, until its standard input ends.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Iterable
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.internet.stdio import StandardIO
from twisted.internet.task import Clock, LoopingCall
from twisted.logger import Logger, LogPublisher
from twisted.web.resource import Resource
from twisted.web.server import Request

from pipetwist.connection.client_info import ClientInfo
from pipetwist.page.ended import EndedConnections
from pipetwist.page.feed import Feed
from pipetwist.page.history_call import HistoryCall
from pipetwist.page.limits import LimitsTold
from pipetwist.page.reading import DocumentCall, SteppedCall
from pipetwist.page.recorder import Recorder
from pipetwist.page.resources import page_resources
from pipetwist.page.tallies import NameTallies
from pipetwist.relay.connection import Connection
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.relay import Route
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.names import DIRECTIONS, traffic_name
from pipetwist.stats.tracking import Tracked
from pipetwist.testing import FakeOutbound, FakeSide
from pipetwist.web.options import WebOptions
from pipetwist.web.service import WebService
from tests.support.pretended_state import PretendedState

__all__ = ["PretendedRelay"]

# a Friday in January 2026, so that pictures differ in nothing but what has changed
_NOW = 1_767_967_380.0
_INBOUNDS = ("office-unix", "vpn-tls", "backup")
_OUTBOUNDS = ("plugin", "archive", "direct", "ssh-command")
_USERS = (
    *(
        "alice",
        "bob",
        "carol",
        "dave",
        "erin",
        "frank",
        "grace",
        "heidi",
        "ivan",
        "judy",
        "mallory",
        "niaj",
        "olivia",
        "peggy",
        "rupert",
    ),
    *("sybil", "trent", "victor", "wendy", "backup-agent", "build-farm", "monitoring"),
)


class PretendedRelay:
    """A connection table and counters, and what changes them.

    Args:
        connections: how many there are at the beginning.
        users: the names of users; None is one who is not known.
    """

    def __init__(
        self, connections: int = 60, users: Iterable[str | None] = (*_USERS, None), seed: int = 1
    ) -> None:
        self.clock = Clock()
        self.store = MemoryCounterStore()
        self.users = list(users)
        names: dict[str, Any] = {
            "inbounds": _INBOUNDS,
            "outbounds": _OUTBOUNDS,
            "users": [name for name in self.users if name],
        }
        self.tracked = Tracked(self.store, **names)
        self.connection_table = ConnectionTable(self.clock, log=Logger(observer=LogPublisher()))
        self.ended = EndedConnections(self.now, dict)
        limits = self.connection_table.limits
        self.tallies = NameTallies(lambda: limits.admission.refused_of)
        for observer in (self.ended, self.tallies):
            self.connection_table.observe(observer)
        self.state = PretendedState(self.clock, _NOW, self.connection_table)
        self.open: dict[Connection, tuple[FakeSide, Any, float, float]] = {}
        self._random = random.Random(seed)
        for _ in range(connections):
            self.clock.advance(0.25)
            self.connect()

    def now(self) -> float:
        """The time of day."""
        return _NOW + self.clock.seconds()

    def connect(self) -> None:
        """Somebody comes."""
        random_ = self._random
        user = random_.choices(self.users, [1 / (2 + place) for place in range(len(self.users))])[0]
        inbound = random_.choices(_INBOUNDS, [5, 4, 1])[0]
        outbound = random_.choices(_OUTBOUNDS, [6, 1, 3, 1])[0]
        pid = random_.randrange(900, 32000)
        peer = (
            f"pid:{pid} uid:{1000 + pid % 20} gid:50"
            if inbound == "office-unix"
            else f"192.0.2.{pid % 250}:{20000 + pid}"
        )
        side = FakeSide()
        tracker = self.tracked.tracker(inbound, outbound, user)
        connection = self.connection_table.open(
            Route(ClientInfo(inbound, peer, peer, user), FakeOutbound(outbound), tracker), side
        )
        self.open[connection] = (
            side,
            tracker,
            10 ** random_.uniform(2.0, 6.3),
            random_.uniform(0, 6.3),
        )

    def get_into_trouble(self) -> None:
        """From now on much goes wrong, and users have limits."""
        self.state.get_into_trouble()
        still = self.connection_table.connections()
        self.open = {
            connection: own for connection, own in self.open.items() if connection in still
        }

    def advance(self, seconds: float = 1.0) -> None:
        """Let time pass, and all connections move bytes."""
        random_ = self._random
        when = self.clock.seconds()
        for connection, (side, tracker, pace, phase) in list(self.open.items()):
            wave = 0.5 + 0.5 * math.sin(phase + when / 37) + 0.3 * math.sin(3 * phase + when / 11)
            busy = max(0.0, wave) * pace * random_.uniform(0.93, 1.07) * seconds
            if busy > pace * 0.15:
                self._carry(side, tracker, int(busy * (0.06 + phase / 25)), int(busy))
            if random_.random() < 0.004 * seconds:
                del self.open[connection]
                self.connection_table.close(connection)
                self.connect()
        self.clock.advance(seconds)

    @staticmethod
    def _carry(side: FakeSide, tracker: Any, uplink: int, downlink: int) -> None:
        side.received += uplink
        side.delivered += downlink
        if tracker is not None:
            tracker.uplink(uplink)
            tracker.downlink(downlink)


class _Until(Protocol):
    """Stops the reactor at the end of standard input."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def connectionLost(self, reason: object = None) -> None:
        self._reactor.stop()


class _Token(Resource):
    """Issues one that anybody may guess."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        """Issue it."""
        return b'{"token": "token"}'


class _Close(Resource):
    """Closes for whoever has that token. Who may close in truth is tested elsewhere.

    Args:
        relay: has the connections.
    """

    isLeaf = True
    methods = (b"POST",)

    def __init__(self, relay: PretendedRelay) -> None:
        super().__init__()
        self._relay = relay

    def render_POST(self, request: Request) -> bytes:
        """Close it."""
        (one,) = (request.args or {})[b"id"]
        number, _, start = one.decode().partition("@")
        good = request.requestHeaders.getRawHeaders("X-Pipetwist-Token") == ["token"]
        for connection in [*self._relay.open]:
            if good and start.isdigit() and connection.number == int(number):
                del self._relay.open[connection]
                self._relay.connection_table.close(connection)
                return b'{"closed": 1, "unknown_ids": []}'
        return b'{"closed": 0, "unknown_ids": []}'


def _serve(relay: PretendedRelay, recorder: Recorder, *, seconds: int, closes: bool) -> None:
    """Serve the page, and let this number of seconds pass quickly once it is watched."""
    from twisted.internet import reactor as global_reactor

    reactor: Any = global_reactor
    feed = Feed(relay.clock, relay.connection_table, relay.store, relay.now)
    days = 3 * 86400 + 4 * 3600
    feed._started, feed._began = feed._started - days, feed._began - days
    web = WebService(WebOptions(listen="127.0.0.1:0"), reactor)
    acting = {"token": _Token(), "close": _Close(relay)} if closes else {}
    limited = LimitsTold(relay.connection_table.limits, lambda: filter(None, relay.users))
    reading = {
        "ended": DocumentCall(relay.ended.document),
        "history": HistoryCall(recorder, relay.clock),
        "limits": SteppedCall(relay.clock, Logger(), limited.document, filters=True),
        "names": SteppedCall(relay.clock, Logger(), lambda _: relay.tallies.document()),
        "state": DocumentCall(relay.state.state.document),
    }
    for name, resource in page_resources(feed, acting, reading).items():
        web.put(name, resource)
    web.privilegedStartService()
    web.startService()
    left = [seconds]

    def second() -> None:
        relay.advance()
        if feed:
            left[0] -= 1
        reactor.callLater(0.01 if feed and left[0] > 0 else 1.0, second)

    second()
    LoopingCall(relay.clock.advance, 0).start(0.01)  # what is due at once in the pretended time
    StandardIO(_Until(reactor))
    sys.stdout.write(f"{web.address}\n")
    sys.stdout.flush()
    reactor.run()


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--connections", type=int, default=60)
    parser.add_argument(
        "--minutes",
        type=int,
        default=0,
        help="so many go by quickly once the page is watched, and three hours before",
    )
    parser.add_argument(
        "--past", type=int, default=0, help="so many have gone by already when it is served"
    )
    parser.add_argument("--user", action="append", default=[], help="one more user")
    parser.add_argument("--names", type=int, default=0, help="so many users who are idle")
    parser.add_argument("--trouble", action="store_true", help="much goes wrong, or is limited")
    parser.add_argument("--closes", action="store_true", help="the page may close connections")
    given = parser.parse_args()
    relay = PretendedRelay(given.connections, (*given.user, *_USERS, None))
    for number in range(given.names):
        for direction in DIRECTIONS:
            relay.store.counter(traffic_name("user", f"member-{number:04}", direction)).add(number)
    recorder = Recorder(
        relay.clock, relay.connection_table, relay.store, relay.now, relay.clock.seconds
    )
    recorder.start()
    for _ in range(180 if given.minutes else 0):
        relay.advance(60)
    for _ in range(60 * given.past):
        relay.advance()
    if given.trouble:
        relay.get_into_trouble()
    _serve(relay, recorder, seconds=60 * given.minutes, closes=given.closes)


if __name__ == "__main__":
    _main()
