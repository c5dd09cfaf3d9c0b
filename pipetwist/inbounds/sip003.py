"""The inbound ``sip003``: behind a plug-in of shadowsocks, a program that clients' plug-ins connect
to.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from zope.interface import implementer

from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.plugin_inbound import PluginInbound
from pipetwist.inbounds.tls_listening import TlsInboundOptions
from pipetwist.interfaces import IInbound
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.user_options import CERTIFICATE_KEYS
from pipetwist.plugins.figures import INBOUND_PLUGIN_FIGURES
from pipetwist.plugins.options import PluginProcessOptions, end_together
from pipetwist.plugins.sip003 import Sip003Server, check_options
from pipetwist.values import Host, Program, ServerPort, Words, quote
from pipetwist.values.addresses import shown_address
from pipetwist.values.bind_address import PortAddress
from pipetwist.values.trusted_proxies import DEFAULT_PROXIES

__all__ = ["Sip003Inbound", "Sip003InboundOptions"]


@dataclass(frozen=True, kw_only=True)
class Sip003InboundOptions(PluginProcessOptions, TlsInboundOptions):
    """An inbound behind a plug-in of shadowsocks (SIP003)."""

    figures = (*TlsInboundOptions.figures, *INBOUND_PLUGIN_FIGURES)
    fixed = (
        *("listen", "listen_port", "framing", "speaks_tls", "proxy_protocol"),
        *("plugin", "plugin_opts", "env", "inherit_env", "cwd", "user", "kill_grace"),
        *("nice", "max_memory", "max_descriptors"),
    )
    users_known_by = (*CERTIFICATE_KEYS, "source")

    type: Literal["sip003"] = "sip003"
    """Always ``sip003``."""
    plugin: Program
    """The plug-in's program. One with ``/`` is relative to the configuration's folder, others are
    sought in PATH.
    """
    plugin_opts: Words = ""
    """Its options, ``key=value;flag``, with a backslash before each ``;``, ``=`` and backslash of a
    value.
    """
    listen: Host = "127.0.0.1"
    """The address that the plug-in listens on. ``"127.0.0.1"`` where absent."""
    listen_port: ServerPort
    """Its port."""
    half_close: bool | None = None  # type: ignore[assignment]  # it becomes one of the two
    """As of other kinds, but ``false`` where absent, unless there is ``framing``: no plug-in is
    known that carries an end of input alone.
    """

    def __post_init__(self) -> None:
        """Refuse options that end within an escape, and what needs addresses that nobody knows."""
        check_options(self.plugin_opts)
        end_together(self)
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
    def program(self) -> Sequence[str]:
        return (self.plugin,)

    @property
    def address(self) -> PortAddress:
        return PortAddress(self.listen, self.listen_port)

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
        self._contract = Sip003Server(options.plugin, options.plugin_opts, listen)
        super().__init__(options, context, self._contract)
        self.where = f"{shown_address(*listen)} by the plug-in {self._contract.name}"

    def doors(self) -> Sequence[Callable[[socket.SocketType], None]]:
        return (self.enter,)

    def listens(self, ours: Sequence[tuple[str, int]]) -> None:
        (self._contract.ours,) = ours
