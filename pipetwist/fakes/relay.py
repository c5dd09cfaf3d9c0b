"""A relay, an outbound and a tracker, which record their calls."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo
from pipetwist.fakes.side import FakeSide
from pipetwist.interfaces import IGate, IOutbound, IRelay, IRoute, ISide, ITracker, TrackerLike
from pipetwist.relay.relay import Route

__all__ = ["FakeOutbound", "RecordingRelay", "RecordingTracker"]


@implementer(IOutbound)
class FakeOutbound:
    """An outbound that connects when the test says so.

    Args:
        tag: its name.
        connect_timeout: seconds that connecting may take.
        connect_retry: for how many seconds connecting is retried; None for no retries.
        delays: whether a connection waits until the test fires its Deferred in `connecting`,
            instead of being connected immediately.
    """

    def __init__(
        self,
        tag: str = "out",
        connect_timeout: float = 5.0,
        *,
        connect_retry: float | None = None,
        delays: bool = False,
    ) -> None:
        self.tag = tag
        self.connect_timeout = connect_timeout
        self.connect_retry = connect_retry
        self.in_kernel = False
        self.max_datagram_bytes: int | None = None
        self.connecting: list[Deferred[ISide]] = []
        """The Deferreds of connections that wait, or have waited, for the test."""
        self.cancelled = 0
        """How many of them were cancelled."""
        self.sides: list[FakeSide] = []
        """The sides that were connected immediately."""
        self._delays = delays

    def connect(self) -> Deferred[ISide]:
        if not self._delays:
            side = FakeSide()
            self.sides.append(side)
            return succeed(side)
        connecting: Deferred[ISide] = Deferred(self._cancel)
        self.connecting.append(connecting)
        return connecting

    def _cancel(self, _: Deferred[ISide]) -> None:
        self.cancelled += 1


@implementer(IRelay)
class RecordingRelay:
    """A relay that records its clients, and does not connect them.

    Args:
        tracker: what `route` counts each of them with.
    """

    def __init__(self, tracker: TrackerLike | None = None) -> None:
        self.names_clients = True
        self.clients: list[ClientInfo] = []
        self.handled: list[tuple[IRoute, ISide]] = []
        """The arguments of `handle`."""
        self.rejections: list[tuple[str, Cause]] = []
        """The arguments of `rejected`."""
        self.outbound = FakeOutbound()
        """The outbound of all routes."""
        self._tracker = tracker

    def route(self, client_info: ClientInfo) -> IRoute:
        self.clients.append(client_info)
        return Route(client_info, self.outbound, self._tracker)

    def handle(self, route: IRoute, client: ISide, gate: IGate | None = None) -> None:
        self.handled.append((route, client))

    def rejected(self, inbound: str, cause: Cause) -> None:
        self.rejections.append((inbound, cause))


@implementer(ITracker)
class RecordingTracker:
    """Adds up the bytes."""

    def __init__(self) -> None:
        self.up = 0
        self.down = 0

    def uplink(self, count: int) -> None:
        self.up += count

    def downlink(self, count: int) -> None:
        self.down += count
