"""All interfaces between pipetwist's rooms, without implementations."""

from __future__ import annotations

from pipetwist.connection.medium import Medium
from pipetwist.interfaces.connections import (
    IClient,
    IClientOutbound,
    IConnectionObserver,
    IConnectionRecord,
    IGate,
    IInbound,
    IOutbound,
    IRelay,
    IRoute,
)
from pipetwist.interfaces.counting import ICellCounter, ICounter, ICounterStore, ITracker
from pipetwist.interfaces.limiting import Bearer, IFlow, ILimitedSide
from pipetwist.interfaces.processes import IProcess, ISpawner
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
    AnySide,
    AnySideReceiver,
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
from pipetwist.interfaces.untyped import (
    AnyDeferred,
    AnyFactory,
    AnyPort,
    AnyProducer,
    AnyProtocol,
    AnyReactor,
    AnyTransport,
    InlineCallbacks,
)

__all__ = [
    "AnyDeferred",
    "AnyFactory",
    "AnyPort",
    "AnyProducer",
    "AnyProtocol",
    "AnyReactor",
    "AnySide",
    "AnySideReceiver",
    "AnyTransport",
    "Bearer",
    "CounterLike",
    "CounterStoreLike",
    "ICellCounter",
    "IClient",
    "IClientOutbound",
    "IConnectionObserver",
    "IConnectionRecord",
    "ICounter",
    "ICounterStore",
    "IDatagramSide",
    "IDescriptorSide",
    "IFlow",
    "IGate",
    "IInbound",
    "ILimitedSide",
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
    "InlineCallbacks",
    "Medium",
    "OutboundLike",
    "RelayLike",
    "RouteLike",
    "SideLike",
    "SideReceiverLike",
    "SpawnerLike",
    "TrackerLike",
]
