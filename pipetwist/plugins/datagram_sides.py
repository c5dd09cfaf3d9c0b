"""Sides of datagram connections through a plug-in, whose end is told with the plug-in's."""

from __future__ import annotations

import socket

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pipetwist.datagram.association import Answering, AssociationSide, LimitedAssociationSide
from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.socket_side import DatagramSocketSide, LimitedDatagramSocketSide
from pipetwist.datagram.source import Source
from pipetwist.datagram.throttle import LimitableSide
from pipetwist.interfaces import IDatagramSide, IDescriptorSide, ISideReceiver, ITracker
from pipetwist.plugins.connections import PluginConnections

__all__ = ["PluginAssociationSide", "PluginDatagramSide"]


@implementer(IDescriptorSide, IDatagramSide)
class PluginDatagramSide(DatagramSocketSide):
    """A datagram socket that is connected to a plug-in.

    Args:
        datagram_context: what it works with.
        connected: the socket.
        connections: the plug-in's.
    """

    __slots__ = ("_connections",)

    def __init__(
        self,
        datagram_context: DatagramContext,
        connected: socket.socket,
        connections: PluginConnections,
    ) -> None:
        super().__init__(datagram_context, connected)
        self._connections = connections

    @classmethod
    def limited(cls) -> type[LimitableSide]:
        return _LimitedPluginDatagramSide

    def attach(self, receiver: ISideReceiver) -> None:
        super().attach(self._connections.watch(self, receiver))


class _LimitedPluginDatagramSide(PluginDatagramSide, LimitedDatagramSocketSide):
    """The same with a limit to what it reads."""

    __slots__ = ()


@implementer(IDescriptorSide, IDatagramSide)
class PluginAssociationSide(AssociationSide):
    """Everything that a plug-in sends from one of its ports, and the answers.

    Args:
        clock: see `AssociationSide`.
        key: the same.
        source: the plug-in's port.
        answering: see `AssociationSide`.
        tracker: the same.
        connections: the plug-in's.
    """

    __slots__ = ("_connections",)

    def __init__(
        self,
        clock: IReactorTime,
        key: object,
        source: Source,
        answering: Answering,
        tracker: ITracker | None,
        connections: PluginConnections,
    ) -> None:
        super().__init__(clock, key, source, answering, tracker)
        self._connections = connections

    @classmethod
    def limited(cls) -> type[LimitableSide]:
        return _LimitedPluginAssociationSide

    def attach(self, receiver: ISideReceiver) -> None:
        super().attach(self._connections.watch(self, receiver))


class _LimitedPluginAssociationSide(PluginAssociationSide, LimitedAssociationSide):
    """The same with a limit to what it passes on."""

    __slots__ = ()
