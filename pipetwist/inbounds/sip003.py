"""The inbound ``sip003``: behind a plug-in of shadowsocks, a program that clients' plug-ins connect
to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from zope.interface import implementer

from pipetwist.errors import StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.plugin_datagrams import PluginDatagrams
from pipetwist.inbounds.plugin_door import PluginDoor
from pipetwist.inbounds.plugin_inbound import PluginInbound
from pipetwist.inbounds.tls_listening import TlsInboundOptions
from pipetwist.interfaces import IInbound, Medium
from pipetwist.kinds.inbound_options import InboundOptions, refuse_bounds_of_streams
from pipetwist.kinds.user_options import CERTIFICATE_KEYS
from pipetwist.plugins.figures import INBOUND_PLUGIN_FIGURES
from pipetwist.plugins.sip003 import ATTEMPTS, LOOPBACK, Sip003Server
from pipetwist.plugins.sip003_options import Sip003Options
from pipetwist.values import Duration, Host, PositiveCount, ServerPort, quote
from pipetwist.values.addresses import shown_address
from pipetwist.values.bind_address import PortAddress
from pipetwist.values.trusted_proxies import DEFAULT_PROXIES

__all__ = ["Sip003Inbound", "Sip003InboundOptions"]


@dataclass(frozen=True, kw_only=True)
class Sip003InboundOptions(Sip003Options, TlsInboundOptions):
    """An inbound behind a plug-in of shadowsocks (SIP003)."""

    figures = (*TlsInboundOptions.figures, *INBOUND_PLUGIN_FIGURES)
    fixed = (
        *("listen", "listen_port", "framing", "speaks_tls", "proxy_protocol"),
        *("plugin", "plugin_opts", "plugin_mode", "env", "inherit_env", "cwd", "user"),
        *("kill_grace", "nice", "max_memory", "max_descriptors"),
    )
    of_streams = (
        *("half_close", "idle_timeout", "half_close_timeout", "tls", "proxy_protocol"),
        "proxy_protocol_accept_no_header",
    )
    of_datagrams = ("udp_timeout", "max_associations")
    users_known_by = (*CERTIFICATE_KEYS, "source")

    type: Literal["sip003"] = "sip003"
    """Always ``sip003``."""
    listen: Host = "127.0.0.1"
    """The address that the plug-in listens on. ``"127.0.0.1"`` where absent."""
    listen_port: ServerPort
    """Its port."""
    udp_timeout: Duration | None = None
    """Ends an association, which is all that the plug-in sends from one port over UDP and is
    answered, after so long without a datagram. ``"5m"`` where absent.
    """
    max_associations: PositiveCount | None = None
    """How many may be open at once; for one beyond that the one that was idle for longest ends.
    4096 where absent.
    """

    def __post_init__(self) -> None:
        """Refuse what needs addresses that nobody knows, and what datagrams can't keep."""
        if Medium.DATAGRAMS in self.media:
            refuse_bounds_of_streams(self.limits)
            if self.users is not None:
                message = (
                    "users: over UDP nobody says who a plug-in's clients are; leave users out, or "
                    "plugin_mode"
                )
                raise ValueError(message)
        if self.trusted_proxies != DEFAULT_PROXIES:
            message = (
                "trusted_proxies: a plug-in does not say where its clients come from, so that "
                "they can't be told apart; leave it out"
            )
            raise ValueError(message)
        if not self.knows_sources:
            for user in self.own_users:
                if user.source is not None:
                    message = (
                        f"{quote(user.name)} has a source, and a plug-in does not say where its "
                        "clients come from; leave it out, or have the far end say it: "
                        '"proxy_protocol": true'
                    )
                    raise ValueError(message)
        super().__post_init__()

    @property
    def knows_sources(self) -> bool:
        return self.proxy_protocol

    @property
    def addresses(self) -> Sequence[PortAddress]:
        port = PortAddress(self.listen, self.listen_port)
        return [port.over_udp if one is Medium.DATAGRAMS else port for one in self.media]

    @property
    def address(self) -> PortAddress:
        return self.addresses[0]

    @property
    def hosts(self) -> Mapping[str, str]:
        return {"listen": self.listen}


@implementer(IInbound)
class Sip003Inbound(PluginInbound):
    """Runs a plug-in that listens, and takes its connections.

    Args:
        options: what the configuration says.
        context: what it works with.

    Raises:
        StartError: the program can't be started.
    """

    Options: ClassVar[type[InboundOptions]] = Sip003InboundOptions

    def __init__(self, options: Sip003InboundOptions, context: InboundContext) -> None:
        listen = (options.listen, options.listen_port)
        media = options.media
        self._contract = Sip003Server(options.plugin, options.plugin_opts, listen, media)
        self._has_streams = Medium.STREAM in media
        self._datagrams: PluginDatagrams | None = None
        self._door: PluginDoor | None = None
        super().__init__(options, context, context.plugins.make(options, self._contract))
        if Medium.DATAGRAMS in media:
            self._datagrams = PluginDatagrams(self, context, self.plugin)
            self._bound_datagrams()
        self.where = f"{shown_address(*listen)} by the plug-in {self._contract.name}"

    @property
    def dropped(self) -> int | None:
        """See `IInbound`."""
        return None if self._datagrams is None else self._datagrams.dropped

    def apply_options(self, options: InboundOptions) -> None:
        super().apply_options(options)
        self._bound_datagrams()

    def _bound_datagrams(self) -> None:
        if self._datagrams is not None:
            options = cast("Sip003InboundOptions", self.options)
            self._datagrams.bound(options.udp_timeout, options.max_associations)

    def open(self) -> None:
        """See `PluginInbound`; datagrams come to the same port."""
        datagrams = self._datagrams
        if datagrams is None:
            self._door = self._open_door()
            self._contract.ours = self._door.address
            return
        for _ in range(ATTEMPTS):
            door = self._open_door() if self._has_streams else None
            try:
                datagrams.listen(0 if door is None else door.address[1])
            except StartError:  # somebody has that port of UDP
                if door is not None:
                    door.close()
            else:
                self._door = door
                self._contract.ours = datagrams.address
                return
        message = (
            f"{self.options.label}: there is no port of {LOOPBACK} that is free over TCP and UDP"
        )
        raise StartError(message)

    def close(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None
        if self._datagrams is not None:
            self._datagrams.stop()

    def _open_door(self) -> PluginDoor:
        return PluginDoor(
            self.context, self.options.label, self.gate, lambda: self.plugin.process, self.enter
        )
