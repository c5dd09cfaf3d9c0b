"""Base class of the inbounds for datagrams: their sockets, and an association for each source."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import cast

from twisted.internet.defer import Deferred, maybeDeferred, succeed

from pipetwist.connection.client_info import ClientInfo
from pipetwist.datagram.association_table import AssociationTable
from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.listener import DatagramListener
from pipetwist.datagram.plain import EitherBatch
from pipetwist.datagram.proxied import ProxiedDatagramListener, Trust
from pipetwist.datagram.source import Source
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.proxied import ProxiedListening
from pipetwist.kinds.inbound_options import DatagramInboundOptions, InboundOptions
from pipetwist.proxy_protocol.trust import trusted_proxies
from pipetwist.values.addresses import shown_address
from pipetwist.values.trusted_proxies import UNIX

__all__ = ["DatagramInbound"]


class DatagramInbound(ProxiedListening):
    """An inbound for datagrams. Its subclasses open and close the sockets, and identify sources.

    Args:
        options: what the configuration says.
        context: what it works with.
    """

    def __init__(self, options: DatagramInboundOptions, context: InboundContext) -> None:
        self._listeners: list[DatagramListener] = []
        self._association_table = AssociationTable(options.max_associations)
        super().__init__(options, context)
        self._gate = self._association_table.bounds = self.make_gate(self.identify)
        self.datagram_context = context.datagram_context or DatagramContext(
            context.reactor, None if context.kernel is None else context.kernel.poller
        )

    def apply_options(self, options: InboundOptions) -> None:
        super().apply_options(options)
        self._association_table.maximum = cast("DatagramInboundOptions", options).max_associations

    @property
    def associations(self) -> int:
        """How many are open."""
        return len(self._association_table)

    @property
    def dropped(self) -> int:
        """Datagrams dropped since it listens that belong to no association: refused, too large, or
        lost because the socket's buffer was full.
        """
        return sum(listener.dropped + listener.dropped_by_kernel for listener in self._listeners)

    def open_sockets(self) -> list[tuple[socket.socket, EitherBatch]]:
        """Open the sockets.

        Returns:
            Each socket, and the batch that it is read into.

        Raises:
            StartError: one can't be opened.
        """
        raise NotImplementedError

    def close_sockets(self) -> None:
        """Called when the sockets are closed: remove their files."""
        raise NotImplementedError

    def identify(self, source: Source) -> ClientInfo:
        """Identify a source.

        Raises:
            RefusedError: it is not allowed.
        """
        raise NotImplementedError

    def listen(self) -> Deferred[None]:
        return succeed(None) if self._listeners else maybeDeferred(self._open)

    def stop_listening(self) -> Deferred[None]:
        """See `IInbound`: a closed socket can't send answers, so the associations are closed
        too.
        """
        dropped = self.dropped
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.stop()
        if listeners:
            self.log_dropped(dropped)
            self.close_sockets()
        return succeed(None)

    def _open(self) -> None:
        self._open_on(self.open_sockets())

    def _open_on(self, opened: list[tuple[socket.socket, EitherBatch]]) -> None:
        self._gate.name_again()
        self._association_table.begin()
        make: Callable[..., DatagramListener] = DatagramListener
        if self.proxied_options.proxy_protocol:
            make = partial(ProxiedDatagramListener, trust=self._trust, refuse=self._refuse)
        self._listeners = [
            make(
                self.datagram_context,
                one,
                batch,
                self._association_table,
                self._gate.let_in,
                self.context.log,
            )
            for one, batch in opened
        ]
        for listener in self._listeners:
            listener.start()

    def _trust(self, source: Source) -> Trust:
        options = self.proxied_options
        proxies = trusted_proxies(options.trusted_proxies)
        return Trust(
            proxies.trusts(UNIX if source.host is None else source.host),
            options.proxy_protocol_accept_no_header,
        )

    def _refuse(self, source: Source, why: str) -> None:
        shown = UNIX if source.host is None else shown_address(source.host, source.port)
        self._gate.refuse(f"refused {shown}, {why}")
