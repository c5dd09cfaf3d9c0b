"""Datagrams that begin with a header of the PROXY protocol: those that proxies send to an inbound,
and those that an outbound sends. Answers have none.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import NamedTuple

from twisted.logger import Logger
from zope.interface import implementer

from pipetwist.datagram.association_table import AssociationTable
from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.listener import Associate, DatagramListener
from pipetwist.datagram.plain import EitherBatch, OneDatagram
from pipetwist.datagram.socket_side import DatagramSocketSide, LimitedDatagramSocketSide
from pipetwist.datagram.source import Source
from pipetwist.datagram.throttle import LimitableSide
from pipetwist.interfaces import IDatagramSide, IDescriptorSide
from pipetwist.proxy_protocol.header import Header, HeaderError, NoHeaderError
from pipetwist.values.addresses import SocketAddress

__all__ = [
    "HeadedDatagramSocketSide",
    "LimitedHeadedDatagramSocketSide",
    "NamedSource",
    "ProxiedDatagramListener",
    "Trust",
]


class NamedSource(NamedTuple):
    """A client behind a proxy.

    Attributes:
        source: the proxy, which is answered.
        header: what its datagram says of the client; None where it says nothing.
    """

    source: Source
    header: Header | None


class Trust(NamedTuple):
    """What may be believed of a proxy.

    Attributes:
        trusted: whether its headers are.
        optional: whether its datagrams are good without one.
    """

    trusted: bool
    optional: bool


class ProxiedDatagramListener(DatagramListener):
    """Reads the socket of an inbound whose clients come by proxies. An association is a proxy and a
    client that it names.

    Args:
        datagram_context: see `DatagramListener`.
        opened: see `DatagramListener`.
        batch: see `DatagramListener`.
        association_table: see `DatagramListener`.
        let_in: admits a `NamedSource`.
        log: see `DatagramListener`.
        trust: what may be believed of a sender.
        refuse: is told of one whose datagrams are dropped, and why.
    """

    def __init__(
        self,
        datagram_context: DatagramContext,
        opened: socket.socket,
        batch: EitherBatch,
        association_table: AssociationTable,
        let_in: Callable[[NamedSource, Associate], object],
        log: Logger,
        trust: Callable[[Source], Trust],
        refuse: Callable[[Source, str], object],
    ) -> None:
        from pipetwist.proxy_protocol.datagrams import split_datagram  # loads proxyprotocol

        super().__init__(datagram_context, opened, batch, association_table, let_in, log)
        self._trust = trust
        self._refuse = refuse
        self._split = split_datagram
        self._payload = OneDatagram()

    # DatagramListener, which knows no association by a sender's own key.

    def arrived(self, start: int, stop: int, key: SocketAddress) -> None:
        batch = self.batch
        source = batch.source(key)
        trust = self._trust(source)
        if not (trust.trusted or trust.optional):
            self._refuse(source, "which is none of its trusted_proxies")
            self.dropped += stop - start
            return
        for index in range(start, stop):
            if index in batch.cut:
                self.dropped += 1
                continue
            header, datagram = None, batch.data(index)
            if trust.trusted:
                try:
                    header, datagram = self._split(datagram)
                except HeaderError as error:
                    if not (trust.optional and isinstance(error, NoHeaderError)):
                        self._refuse(source, f"whose datagram is not taken: {error}")
                        self.dropped += 1
                        continue
            self._take(key, NamedSource(source, header), datagram)

    def _take(self, key: SocketAddress, client: NamedSource, datagram: bytes) -> None:
        header = client.header
        named = (key, None if header is None else (header.source, header.destination))
        self._payload.hold(datagram)
        association = self.associations.get(named)
        if association is not None:
            self.active(association)
            association.arrived(self._payload, 0, 1)
        elif self.open(named, client, client.source, self._payload, 0) is None:
            self.dropped += 1


@implementer(IDescriptorSide, IDatagramSide)
class HeadedDatagramSocketSide(DatagramSocketSide):
    """A datagram socket whose server is told by each datagram who the client is. Only what follows
    the header is counted.

    Args:
        datagram_context: what it works with.
        connected: the socket.
        header: the header.
    """

    __slots__ = ("_header",)

    def __init__(
        self, datagram_context: DatagramContext, connected: socket.socket, header: bytes
    ) -> None:
        super().__init__(datagram_context, connected)
        self._header = header

    @classmethod
    def limited(cls) -> type[LimitableSide]:
        return LimitedHeadedDatagramSocketSide

    def send_batch(self, batch: EitherBatch, start: int, stop: int) -> int:
        self.send_one(batch.data(start))
        return 1

    def send_one(self, datagram: bytes) -> None:
        self._socket.send(self._header + datagram)


class LimitedHeadedDatagramSocketSide(HeadedDatagramSocketSide, LimitedDatagramSocketSide):
    """The same with a limit to what it reads."""

    __slots__ = ()
