"""The inbound ``pt``: behind a pluggable transport of Tor's, a program that clients' transports
connect to.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, cast

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipetwist.errors import StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.orport import OrPort
from pipetwist.inbounds.plugin_inbound import PluginInbound
from pipetwist.inbounds.proxy_entry import ProxiedSocket
from pipetwist.inbounds.tls_listening import TlsInboundOptions
from pipetwist.inbounds.waiting_room import WaitingRoom
from pipetwist.interfaces import IInbound
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.user_options import CERTIFICATE_KEYS
from pipetwist.plugins.client_line import client_line, read_client_line, write_client_line
from pipetwist.plugins.figures import INBOUND_PLUGIN_FIGURES
from pipetwist.plugins.pt import PtServer, ServerTransport
from pipetwist.plugins.pt_options import PtOptions
from pipetwist.proxy_protocol.header import BY_PLUGIN, Header
from pipetwist.values import Environment, Host, ServerPort, quote
from pipetwist.values.addresses import numeric_address, shown_address
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

    def __post_init__(self) -> None:
        """Refuse a name, which transports do not look up (pt-spec, 3.2.3)."""
        if numeric_address(self.listen, self.listen_port) is None:
            message = (
                f"listen: {quote(self.listen)} is no IP address, and transports take nothing else; "
                'write one, such as "0.0.0.0"'
            )
            raise ValueError(message)
        super().__post_init__()

    @property
    def address(self) -> PortAddress:
        return PortAddress(self.listen, self.listen_port)

    @property
    def hosts(self) -> Mapping[str, str]:
        return {"listen": self.listen}

    @property
    def own_folder(self) -> str:
        return self.state_path

    def may_share_folder(self, options: InboundOptions) -> bool:
        return (
            isinstance(options, PtInboundOptions)
            and options.process_key == self.process_key
            and options.transport != self.transport
        )

    def told(self) -> Iterator[str]:
        yield from super().told()
        try:
            line = read_client_line(self.state_path, self.transport)
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
        self.transport = ServerTransport(options.transport, listen, options.options)
        """What it needs of its process, which others may share."""
        uid = context.plugins.uid_of(options)

        def make() -> OrPort:
            contract = PtServer(options.command[0], options.state_path, uid)
            plugin = context.plugins.make(options, contract)
            return OrPort(context, options.label, plugin, uid, contract)

        self._orport = context.plugins.shared(("server", options.process_key), make)
        super().__init__(options, context, self._orport.plugin)
        self.where = f"{shown_address(*listen)} by the transport {options.transport}"
        self._waiting: WaitingRoom | None = None

    def open(self) -> None:
        share = self.context.shares.share(self.tag)
        self._waiting = WaitingRoom(self.gate, share, self.enter)
        self._orport.join(self)

    def close(self) -> None:
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None
        self._orport.leave(self)
        self._orport.settle()

    def start_plugin(self) -> Deferred[None]:
        return self._orport.start(self)

    def end_plugin(self) -> Deferred[None]:
        """See `PluginInbound`; a process that others use is started again without this one."""
        if self._orport.is_used:
            self.context.plugins.retire(self.plugin)
            return self._orport.settle()
        return super().end_plugin()

    def take(self, accepted: socket.SocketType, client: tuple[str, int] | None) -> None:
        """See `pipetwist.inbounds.orport.Receiver`."""
        method = self._orport.contract.method(self.transport.name)
        if client is not None and method is not None:
            accepted = ProxiedSocket(accepted, Header(BY_PLUGIN, client, method.address))
        if self._waiting is None:
            accepted.close()
        else:
            self._waiting.take(accepted)

    def started(self) -> None:
        """Log what clients need, as a part of their configuration."""
        options, transport = cast("PtInboundOptions", self.options), self.transport.name
        method = self._orport.contract.method(transport)
        if method is None:
            return
        line = client_line(options.type, transport, method.arguments, options.listen_port)
        self.context.log.info(
            "inbound {tag}: clients need an outbound with {line}", tag=self.tag, line=line
        )

        log, tag, folder = self.context.log, self.tag, options.state_path

        def write() -> None:
            try:
                write_client_line(folder, transport, line)
            except OSError as error:
                log.warn(
                    "inbound {tag}: what clients need can't be written to {folder}: {error}",
                    tag=tag,
                    folder=folder,
                    error=error.strerror,
                )

        try:
            self.context.plugins.threads.start(write)
        except RuntimeError:  # there may be no more threads
            write()
