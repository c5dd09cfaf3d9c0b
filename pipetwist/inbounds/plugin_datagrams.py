"""The datagrams that a plug-in sends to its inbound: each of its ports is an association."""

from __future__ import annotations

import socket
from functools import partial

from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.datagram.association_table import AssociationTable
from pipetwist.datagram.context import DatagramContext
from pipetwist.datagram.sockets import open_udp
from pipetwist.datagram.source import Source
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.plugin_inbound import PluginInbound
from pipetwist.interfaces import Medium
from pipetwist.kinds.inbound_options import MAX_ASSOCIATIONS, UDP_TIMEOUT
from pipetwist.plugins.datagram_listener import PluginDatagramListener
from pipetwist.plugins.plugin import Plugin
from pipetwist.plugins.sip003 import LOOPBACK
from pipetwist.values.bind_address import PortAddress

__all__ = ["PluginDatagrams"]


class PluginDatagrams:
    """Takes a plug-in's datagrams.

    Args:
        inbound: the inbound that they come in by.
        context: what it works with.
        plugin: its plug-in.
    """

    def __init__(self, inbound: PluginInbound, context: InboundContext, plugin: Plugin) -> None:
        self._inbound = inbound
        self._context = context
        self._plugin = plugin
        self._timeouts = Timeouts(UDP_TIMEOUT, UDP_TIMEOUT)
        self._association_table = AssociationTable(MAX_ASSOCIATIONS)
        self._gate = Gate(inbound, self._identify, Medium.DATAGRAMS)
        self._association_table.bounds = self._gate
        self._listener: PluginDatagramListener | None = None
        self._datagram_context = context.datagram_context or DatagramContext(
            context.reactor, None if context.kernel is None else context.kernel.poller
        )
        self.address = (LOOPBACK, 0)
        """Where the plug-in sends them to."""

    def __repr__(self) -> str:
        return f"<PluginDatagrams at {self.address}: {self._listener!r}>"

    @property
    def dropped(self) -> int:
        """Datagrams dropped since it listens that belong to no association."""
        listener = self._listener
        return 0 if listener is None else listener.dropped + listener.dropped_by_kernel

    def bound(self, udp_timeout: float | None, max_associations: int | None) -> None:
        """Bound associations, from now on.

        Args:
            udp_timeout: seconds without a datagram, of those that open from now on; None for the
                usual.
            max_associations: how many there may be; None for the usual.
        """
        seconds = UDP_TIMEOUT if udp_timeout is None else udp_timeout
        self._timeouts = Timeouts(seconds, seconds)
        self._association_table.maximum = max_associations or MAX_ASSOCIATIONS

    def listen(self, port: int) -> None:
        """Listen.

        Args:
            port: the port; 0 for a free one.

        Raises:
            StartError: it is taken.
        """
        context, inbound = self._context, self._inbound
        (opened,) = context.listeners.open_ports(
            inbound.options.label,
            PortAddress(LOOPBACK, port).over_udp,
            inbound.warn,
            open_one=open_udp,
        )
        self.address = opened.getsockname()
        self._gate.name_again()
        self._association_table.begin()
        self._listener = PluginDatagramListener(
            self._datagram_context,
            opened,
            self._datagram_context.from_network(socket.AF_INET, anywhere=False),
            self._association_table,
            self._gate.let_in,
            context.log,
            self._plugin,
            partial(self._gate.refuse, "refused datagrams that are not the plug-in's"),
        )
        self._listener.start()

    def stop(self) -> None:
        """Close the port, and every association."""
        listener, self._listener = self._listener, None
        if listener is not None:
            by_kernel = listener.dropped_by_kernel
            listener.stop()
            self._inbound.log_dropped(listener.dropped + by_kernel)

    def _identify(self, source: Source) -> ClientInfo:
        # The plug-in does not say who its clients are.
        inbound = self._inbound
        return ClientInfo(
            inbound.tag,
            inbound.peer,
            "unknown",
            None,
            self._timeouts,
            medium=Medium.DATAGRAMS,
        )
