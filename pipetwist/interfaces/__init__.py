"""The interfaces between pipetwist's rooms: every one of them, and nothing that implements them."""

from __future__ import annotations

from pipetwist.connection.medium import Medium
from pipetwist.interfaces.commands import ICommand, ISpawner
from pipetwist.interfaces.connections import (
    IConnectionEffects,
    IConnectionObserver,
    IDatagramSide,
    IDescriptorSide,
    IGate,
    IInbound,
    IOutbound,
    IPassage,
    IRelay,
    ISide,
    ISideReceiver,
)
from pipetwist.interfaces.counting import ICellCounter, ICounter, ICounterStore, ITracker
from pipetwist.interfaces.running import IRunningOutbound

__all__ = [
    "ICellCounter",
    "ICommand",
    "IConnectionEffects",
    "IConnectionObserver",
    "ICounter",
    "ICounterStore",
    "IDatagramSide",
    "IDescriptorSide",
    "IGate",
    "IInbound",
    "IOutbound",
    "IPassage",
    "IRelay",
    "IRunningOutbound",
    "ISide",
    "ISideReceiver",
    "ISpawner",
    "ITracker",
    "Medium",
]
