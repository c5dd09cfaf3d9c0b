"""A program that embeds each piece of pipetwist, for type checkers: it is not run."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from twisted.application.service import MultiService
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import Logger
from zope.interface import implementer

from pipetwist.embed import (
    ApiOptions,
    ClientInfo,
    CommandEndpoint,
    ConnectError,
    CounterLike,
    CountingDatagramProtocol,
    CountingEndpoint,
    CountingFactory,
    Current,
    ICounter,
    ICounterStore,
    InboundContext,
    IOutbound,
    ISide,
    ITracker,
    Medium,
    MemoryCounterStore,
    OnlineUsers,
    OutboundContext,
    PipetwistService,
    Relay,
    Router,
    RoutingTable,
    SideLike,
    SideReceiverLike,
    StatsApi,
    StorageService,
    Tracked,
    Tracker,
    UnixInbound,
    UnixInboundOptions,
    connect_endpoint,
    read_counters,
    read_document,
    traffic_name,
)
from pipetwist.testing import (
    FakeOutbound,
    FakeSide,
    FakeSpawner,
    RecordingReceiver,
    RecordingRelay,
    RecordingTracker,
)

# Counting.
store = MemoryCounterStore()
visits = store.counter(traffic_name("user", "alice", "uplink"))
visits.add(1)
figures: tuple[str, int, int, int] = (visits.name, visits.total(), visits.value(), visits.reset())
found: CounterLike | None = store.get("visits")
tracked = Tracked(store, inbounds=["in"], users=["alice"])
tracker = tracked.tracker("in", "out", None)
if tracker is not None:
    tracker.uplink(3)
    tracker.downlink(4)
Tracker([visits], []).uplink(5)


def track(peer: IAddress | None) -> Tracker | None:
    """Says what a connection is counted by."""
    return tracked.tracker("in", "out", str(peer))


factory = CountingFactory(Factory.forProtocol(Protocol), track)
CountingFactory(Factory.forProtocol(Protocol), lambda peer: RecordingTracker())
CountingEndpoint(TCP4ServerEndpoint(reactor, 80), track).listen(factory)
CountingDatagramProtocol(DatagramProtocol(), lambda peer: RecordingTracker())


# Counting elsewhere.
@implementer(ICounter)
class OwnCounter:
    """A counter of the program's own."""

    def __init__(self, name: str) -> None:
        self.name = name

    def add(self, count: int) -> None:
        """Forget it."""

    def total(self) -> int:
        """Nothing."""
        return 0

    value = reset = total


@implementer(ICounterStore)
class OwnStore:
    """A store of the program's own."""

    def counter(self, name: str) -> OwnCounter:
        """A new one each time."""
        return OwnCounter(name)

    def get(self, name: str) -> OwnCounter | None:
        """None is kept."""

    def counters(self) -> list[OwnCounter]:
        """The same."""
        return []


@implementer(ITracker)
class OwnTracker:
    """A tracker of the program's own."""

    def uplink(self, count: int) -> None:
        """Forget it."""

    def downlink(self, count: int) -> None:
        """Forget it."""


online = OnlineUsers(time.time)
StatsApi(ApiOptions(listen="unix:api.sock"), store, online, reactor)
StatsApi(ApiOptions(listen="unix:api.sock"), OwnStore(), online, reactor)
storage = StorageService("visits.db", 10, reactor, Logger())
storage.store.counter("a").add(1)
Tracked(storage.store, inbounds=["in"])
CountingFactory(factory, lambda peer: OwnTracker())
kept: list[tuple[str, int, int]] = [
    (name, total, value) for name, total, value in read_counters("visits.db")
]

# The whole tree.
tree = PipetwistService(
    read_document("pipetwist.json"), reactor, store=OwnStore(), spawner=FakeSpawner()
)
MultiService().addService(tree)
known: Sequence[CounterLike] = tree.store.counters()
reloading: Deferred[None] = tree.reload(read_document("pipetwist.json"))

# A command as an endpoint.
endpoint = CommandEndpoint(Clock(), ["sort"], {"LC_ALL": "C"}, spawner=FakeSpawner())
endpoint.connect(factory).addErrback(lambda failure: failure.trap(ConnectError))


# An outbound, and a side, of the program's own.
@implementer(ISide)
class OwnSide:
    """A side that hears and says nothing."""

    received = delivered = moved = dropped = 0
    notices_loss = half_closes = False
    process = carrier = None
    medium = Medium.STREAM

    def attach(self, receiver: SideReceiverLike) -> None:
        """End at once."""
        receiver.lost(self, "")

    def write(self, data: bytes) -> None:
        """Forget it."""

    def pause_reading(self) -> None:
        """Nothing is read."""

    resume_reading = write_eof = close = disconnect = close_with_error = abort = pause_reading


@implementer(IOutbound)
class OwnOutbound:
    """Goes to an endpoint."""

    in_kernel = False
    connect_timeout = 5.0
    max_datagram_bytes: int | None = None

    def __init__(self, tag: str, context: OutboundContext) -> None:
        self.tag = tag
        self._context = context

    def connect(self) -> Deferred[ISide]:
        """Connect it."""
        return connect_endpoint(endpoint, self._context)


own_side: SideLike = OwnSide()
own = OwnOutbound("own", OutboundContext(reactor))
relay = Relay(
    reactor, Current(RoutingTable(Router([], "own"), {"own": own}, tracked)), online=online
)
inbound = UnixInbound(UnixInboundOptions(tag="in", path="in.sock"), InboundContext(reactor, relay))
UnixInbound(
    UnixInboundOptions(tag="in", path="in.sock"),
    InboundContext(Clock(), RecordingRelay(OwnTracker())),
)
inbound.listen().addCallback(lambda _: inbound.stop_listening())

# Tests.
outbound = FakeOutbound()
tested = Relay(Clock(), Current(RoutingTable(Router([], outbound.tag), {outbound.tag: outbound})))
side = FakeSide()
side.attach(RecordingReceiver())
tested.handle(tested.route(ClientInfo("in", "test", "test")), side)
tested.handle(tested.route(ClientInfo("in", "test", "test")), OwnSide())
sys.exit(len(outbound.sides[0].written))
