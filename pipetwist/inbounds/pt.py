"""The inbound ``pt``: behind a pluggable transport of Tor's, a program that clients' transports
connect to.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, cast

from zope.interface import implementer

from pipetwist.errors import StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.orport_entry import OrPortEntry
from pipetwist.inbounds.plugin_inbound import PluginInbound
from pipetwist.inbounds.proxy_entry import ProxiedSocket
from pipetwist.inbounds.tls_listening import TlsInboundOptions
from pipetwist.interfaces import IInbound
from pipetwist.kernel.connector import Watcher
from pipetwist.kernel.reactor_watcher import ReactorWatcher
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.user_options import CERTIFICATE_KEYS
from pipetwist.plugins.client_line import client_line, read_client_line, write_client_line
from pipetwist.plugins.cookie import CookieFile
from pipetwist.plugins.extended_orport import ExtendedOrPort
from pipetwist.plugins.figures import INBOUND_PLUGIN_FIGURES
from pipetwist.plugins.pt import PtServer
from pipetwist.plugins.pt_options import PtOptions
from pipetwist.proxy_protocol.header import BY_PLUGIN, Header
from pipetwist.values import Environment, Host, ServerPort
from pipetwist.values.addresses import shown_address
from pipetwist.values.bind_address import PortAddress

__all__ = ["PtInbound", "PtInboundOptions"]


@dataclass(frozen=True, kw_only=True)
class PtInboundOptions(PtOptions, TlsInboundOptions):
    """An inbound behind a pluggable transport of Tor's."""

    figures = (*TlsInboundOptions.figures, *INBOUND_PLUGIN_FIGURES)
    fixed = (
        *("listen", "listen_port", "framing", "speaks_tls", "proxy_protocol"),
        *("transport", "options", "process_key"),
    )
    users_known_by = (*CERTIFICATE_KEYS, "source")

    type: Literal["pt"] = "pt"
    """Always ``pt``."""
    options: Environment = field(default_factory=dict)
    """The transport's options."""
    listen: Host = "127.0.0.1"
    """The IP address that the transport listens on. ``"127.0.0.1"`` where absent."""
    listen_port: ServerPort
    """Its port."""

    @property
    def address(self) -> PortAddress:
        return PortAddress(self.listen, self.listen_port)

    @property
    def hosts(self) -> Mapping[str, str]:
        return {"listen": self.listen}

    @property
    def own_folder(self) -> str:
        return self.state_path

    def told(self) -> Iterator[str]:
        yield from super().told()
        try:
            line = read_client_line(self.state_path)
        except OSError as error:
            message = f"{self.label}: state_path: {error.strerror}"
            raise StartError(message) from error
        yield "  what clients need is known once it was ready" if line is None else f"  {line}"


@implementer(IInbound)
class PtInbound(PluginInbound):
    """Runs a pluggable transport that listens, and takes its connections, with the client's address
    where it says that.

    Args:
        options: what the configuration says.
        context: what it works with.

    Raises:
        StartError: the program can't be started.
    """

    Options: ClassVar[type[InboundOptions]] = PtInboundOptions

    def __init__(self, options: PtInboundOptions, context: InboundContext) -> None:
        listen = (options.listen, options.listen_port)
        self._uid = context.plugins.uid_of(options)
        self._contract = PtServer(
            options.command[0],
            options.state_path,
            options.transport,
            options.options,
            listen,
            self._uid,
        )
        super().__init__(options, context, self._contract)
        self.where = f"{shown_address(*listen)} by the transport {options.transport}"
        self._watcher: Watcher = (
            ReactorWatcher(context.reactor) if context.kernel is None else context.kernel.poller
        )
        self._cookie: CookieFile | None = None
        self._exchanges: OrPortEntry | None = None

    def doors(self) -> Sequence[Callable[[socket.SocketType], None]]:
        cookie = self._cookie = CookieFile(self._uid)
        entry = self._exchanges = OrPortEntry(
            self.context.reactor, self._watcher, cookie.cookie, self._done, self._refused
        )
        return entry.accepted, self.enter

    def listens(self, ours: Sequence[tuple[str, int]]) -> None:
        extended, plain = (shown_address(*one) for one in ours)
        # A transport that knows the first takes that.
        self._contract.ours = {
            "TOR_PT_EXTENDED_SERVER_PORT": extended,
            "TOR_PT_AUTH_COOKIE_FILE": "" if self._cookie is None else self._cookie.path,
            "TOR_PT_ORPORT": plain,
        }

    def started(self) -> None:
        """Log what clients need, as a part of their configuration."""
        method, options = self._contract.method, cast("PtInboundOptions", self.options)
        if method is None:
            return
        line = client_line(options.type, options.transport, method.arguments, options.listen_port)
        self.context.log.info(
            "inbound {tag}: clients need an outbound with {line}", tag=self.tag, line=line
        )

        log, tag, folder = self.context.log, self.tag, options.state_path

        def write() -> None:
            try:
                write_client_line(folder, line)
            except OSError as error:
                log.warn(
                    "inbound {tag}: what clients need can't be written to {folder}: {error}",
                    tag=tag,
                    folder=folder,
                    error=error.strerror,
                )

        self.context.plugins.threads.start(write)

    def stopped(self) -> None:
        """Close what is not a connection yet, and remove the cookie."""
        if self._exchanges is not None:
            self._exchanges.stop()
        if self._cookie is not None:
            self._cookie.remove()
            self._cookie = None

    def _done(self, accepted: socket.SocketType, exchange: ExtendedOrPort) -> None:
        method = self._contract.method
        if exchange.client is not None and method is not None:
            header = Header(BY_PLUGIN, exchange.client, method.address)
            accepted = ProxiedSocket(accepted, header)
        self.enter(accepted)

    def _refused(self, why: str) -> None:
        self._gate.refuse(f"refused a connection of the plug-in's: {why}")
