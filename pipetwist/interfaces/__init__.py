"""All interfaces between pipetwist's rooms, without implementations."""

from __future__ import annotations

from pipetwist.connection.medium import Medium
from pipetwist.interfaces.connections import (
    IClientOutbound,
    IConnectionObserver,
    IGate,
    IInbound,
    IOutbound,
    IRelay,
    IRoute,
)
from pipetwist.interfaces.counting import ICellCounter, ICounter, ICounterStore, ITracker
from pipetwist.interfaces.processes import IProcess, ISpawner
from pipetwist.interfaces.reactors import AnyReactor
from pipetwist.interfaces.running import IRunningOutbound
from pipetwist.interfaces.sides import (
    IDatagramSide,
    IDescriptorSide,
    IReadingHalf,
    ISide,
    ISideEnding,
    ISideFigures,
    ISideReceiver,
    IWritingHalf,
)
from pipetwist.interfaces.structural import (
    CounterLike,
    CounterStoreLike,
    OutboundLike,
    RelayLike,
    RouteLike,
    SideLike,
    SideReceiverLike,
    SpawnerLike,
    TrackerLike,
)

__all__ = [
    "AnyReactor",
    "CounterLike",
    "CounterStoreLike",
    "ICellCounter",
    "IClientOutbound",
    "IConnectionObserver",
    "ICounter",
    "ICounterStore",
    "IDatagramSide",
    "IDescriptorSide",
    "IGate",
    "IInbound",
    "IOutbound",
    "IProcess",
    "IReadingHalf",
    "IRelay",
    "IRoute",
    "IRunningOutbound",
    "ISide",
    "ISideEnding",
    "ISideFigures",
    "ISideReceiver",
    "ISpawner",
    "ITracker",
    "IWritingHalf",
    "Medium",
    "OutboundLike",
    "RelayLike",
    "RouteLike",
    "SideLike",
    "SideReceiverLike",
    "SpawnerLike",
    "TrackerLike",
]
