"""Reads the port that a plug-in sends datagrams to. Whoever else sends there on this machine is
refused.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import NamedTuple

from twisted.logger import Logger

from pipetwist.datagram.association import AssociationSide
from pipetwist.datagram.association_table import AssociationTable
from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.listener import Associate, DatagramListener
from pipetwist.datagram.plain import EitherBatch, OneDatagram
from pipetwist.datagram.socket_side import hand_to
from pipetwist.datagram.source import Source
from pipetwist.datagram.waiting import WaitingDatagrams
from pipetwist.interfaces import ITracker
from pipetwist.plugins.datagram_sides import PluginAssociationSide
from pipetwist.plugins.owner_check import OwnerCheck
from pipetwist.plugins.owners import are_senders
from pipetwist.plugins.plugin import Plugin
from pipetwist.values.addresses import SocketAddress

__all__ = ["MAX_UNKNOWN", "MAX_UNKNOWN_BYTES", "PluginDatagramListener"]

MAX_UNKNOWN = 256
"""How many sources are asked about at a time. What others send meanwhile is dropped."""
MAX_UNKNOWN_BYTES = 1 << 20
"""How many bytes of theirs are kept until they are known. What is more is dropped."""


class _Unknown(NamedTuple):
    """A source whose owner is asked for."""

    key: SocketAddress
    source: Source


class PluginDatagramListener(DatagramListener):
    """Reads the datagrams of a plug-in. What a new source sends waits until the kernel has said
    whose it is; its association is the plug-in's until it ends.

    Args:
        datagram_context: see `DatagramListener`.
        opened: see `DatagramListener`.
        batch: see `DatagramListener`.
        association_table: see `DatagramListener`.
        let_in: see `DatagramListener`.
        log: see `DatagramListener`.
        plugin: the plug-in.
        refuse: is told of a source that is not the plug-in's.
    """

    def __init__(
        self,
        datagram_context: DatagramContext,
        opened: socket.socket,
        batch: EitherBatch,
        association_table: AssociationTable,
        let_in: Callable[[Source, Associate], object],
        log: Logger,
        plugin: Plugin,
        refuse: Callable[[], object],
    ) -> None:
        super().__init__(datagram_context, opened, batch, association_table, let_in, log)
        self._plugin = plugin
        self._refuse = refuse
        self._held: dict[SocketAddress, WaitingDatagrams] = {}
        self._held_bytes = 0
        self._one = OneDatagram()
        self._check: OwnerCheck[_Unknown, int] = OwnerCheck(
            datagram_context.reactor,
            plugin.threads,
            lambda: plugin.process,
            are_senders,
            self._checked,
        )

    def stop(self) -> None:
        """See `DatagramListener`; what waits is dropped."""
        self._check.stop()
        self.dropped += sum(map(len, self._held.values()))
        self._held, self._held_bytes = {}, 0
        super().stop()

    def make_side(self, key: object, source: Source, tracker: ITracker | None) -> AssociationSide:
        return PluginAssociationSide(
            self.datagram_context.reactor,
            key,
            source,
            self,
            tracker,
            self._plugin.connections,
        )

    def arrived(self, start: int, stop: int, key: SocketAddress) -> None:
        if key in self.associations:
            super().arrived(start, stop, key)
            return
        batch = self.batch
        for index in range(start, stop):
            if index in batch.cut or not self._hold(key, batch.data(index)):
                self.dropped += 1

    def _hold(self, key: SocketAddress, datagram: bytes) -> bool:
        """Keep one until its source is known; False if there is no room."""
        if self._held_bytes + len(datagram) > MAX_UNKNOWN_BYTES:
            return False
        held = self._held.get(key)
        if held is None:
            if len(self._held) >= MAX_UNKNOWN:
                return False
            held = self._held[key] = WaitingDatagrams()
            source = self.batch.source(key)
            self._check.check(_Unknown(key, source), source.port)
        kept = held.keep(datagram)
        self._held_bytes += len(datagram) if kept else 0
        return kept

    def _checked(self, unknown: _Unknown, is_plugin: bool) -> None:
        held = self._held.pop(unknown.key, None)
        if held is None:  # it does not listen any more
            return
        self._held_bytes -= held.size
        if not is_plugin:
            self.dropped += len(held)
            self._refuse()
            return
        association: AssociationSide | None = None
        one = self._one
        while held:
            one.hold(held.first())
            held.remove_first()
            if association is not None:
                hand_to(association, one, 0, 1)
                continue
            association = self.open(unknown.key, unknown.source, unknown.source, one, 0)
            if association is None or association.ending.over:
                self.dropped += len(held) + (association is None)
                return
