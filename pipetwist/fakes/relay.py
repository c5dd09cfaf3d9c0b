"""What stands around a connection: a relay, an outbound and a tracker, which keep a record."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from pipetwist.connection.cause import Cause
from pipetwist.connection.visitor import Visitor
from pipetwist.fakes.side import FakeSide
from pipetwist.interfaces import IGate, IOutbound, IPassage, IRelay, ISide, ITracker, TrackerLike
from pipetwist.relay.relay import Passage

__all__ = ["FakeOutbound", "RecordingRelay", "RecordingTracker"]


@implementer(IOutbound)
class FakeOutbound:
    """An outbound that connects when the test says so.

    Args:
        tag: its name.
        connect_timeout: seconds that connecting may take.
        delays: whether a connection waits for the test to fire its Deferred in `connecting`, instead of being there at once.
    """

    def __init__(self, tag: str = "out", connect_timeout: float = 5.0, *, delays: bool = False) -> None:
        self.tag = tag
        self.connect_timeout = connect_timeout
        self.in_kernel = False
        self.largest_datagram: int | None = None
        self.connecting: list[Deferred[ISide]] = []
        """Connections that were asked for and have waited for the test."""
        self.cancelled = 0
        """How many of them were given up."""
        self.sides: list[FakeSide] = []
        """The sides that were connected at once."""
        self._delays = delays

    def connect(self) -> Deferred[ISide]:
        """See `IOutbound`."""
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
    """A relay that keeps its visitors instead of carrying them.

    Args:
        tracker: what `admit` counts each of them with.
    """

    def __init__(self, tracker: TrackerLike | None = None) -> None:
        self.names_clients = True
        self.visitors: list[Visitor] = []
        self.carried: list[tuple[IPassage, ISide]] = []
        self.away: list[tuple[str, Cause]] = []
        self.outbound = FakeOutbound()
        """Where `admit` says that each of them goes."""
        self._tracker = tracker

    def admit(self, visitor: Visitor) -> IPassage:
        """See `IRelay`."""
        self.visitors.append(visitor)
        return Passage(visitor, self.outbound, self._tracker)

    def carry(self, passage: IPassage, client: ISide, gate: IGate | None = None) -> None:
        """See `IRelay`."""
        self.carried.append((passage, client))

    def turned_away(self, inbound: str, cause: Cause) -> None:
        """See `IRelay`."""
        self.away.append((inbound, cause))


@implementer(ITracker)
class RecordingTracker:
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.up = 0
        self.down = 0

    def uplink(self, count: int) -> None:
        """See `ITracker`."""
        self.up += count

    def downlink(self, count: int) -> None:
        """See `ITracker`."""
        self.down += count
