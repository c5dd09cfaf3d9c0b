"""The inbound ``unix``."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import StartError
from pipetwist.inbounds.acceptor import Acceptor
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.credentials import PEER_CREDENTIALS, client_info_of, client_naming
from pipetwist.inbounds.kernel_tls_entry import KernelTlsEntry, TlsClient
from pipetwist.inbounds.proxied import ProxiedListening
from pipetwist.inbounds.tls_entry import TlsEntry
from pipetwist.inbounds.tls_listening import TlsInboundOptions, TlsListeningService
from pipetwist.inbounds.unix_entry import PassedNotice, UnixEntry
from pipetwist.inbounds.unix_options import UnixSocketOptions
from pipetwist.interfaces import AnyTransport, IInbound
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.unix_options import PassingOptions
from pipetwist.kinds.user_options import CERTIFICATE_KEYS
from pipetwist.network.unix_socket import UnixListeningSocket
from pipetwist.transfer.socket_state import socket_of

__all__ = ["UnixInbound", "UnixInboundOptions"]


@dataclass(frozen=True, kw_only=True)
class UnixInboundOptions(PassingOptions, UnixSocketOptions, TlsInboundOptions):
    """An inbound on a unix domain socket."""

    fixed = ("path", "framing", "pass_descriptors", "speaks_tls", "proxy_protocol")
    users_known_by = ("uid", "gid", *CERTIFICATE_KEYS, "source")

    type: Literal["unix"] = "unix"
    """Always ``unix``."""


@implementer(IInbound)
class UnixInbound(TlsListeningService):
    """Listens on a unix domain socket.

    Args:
        options: what the configuration says.
        context: what it works with.

    Raises:
        StartError: it is to pass descriptors on, which it can't with this reactor; or a certificate
            or key can't be used.
    """

    Options: ClassVar[type[InboundOptions]] = UnixInboundOptions

    def __init__(self, options: UnixInboundOptions, context: InboundContext) -> None:
        super().__init__(options, context)
        if options.pass_descriptors and context.kernel is None:
            message = f"{options.label}: pass_descriptors: it needs Twisted's reactor epoll"
            raise StartError(message)
        self.inherited = context.listeners.find_inherited(
            options.address, f"{self.options.label}: path"
        )
        self._listening: UnixListeningSocket | None = None
        self._acceptor: Acceptor | None = None
        self._notice = PassedNotice(self.warn)
        self._entry: KernelTlsEntry | TlsEntry | None = None

    def apply_options(self, options: InboundOptions) -> None:
        super().apply_options(options)
        self._options = cast("UnixInboundOptions", options)
        asked = self._options.users is not None
        self._name = client_naming(self.tag, self.timeouts, identified=asked)
        self._anybody = None if asked else client_info_of(self.tag, None, self.timeouts)

    def apply(self, options: InboundOptions) -> Callable[[], None]:
        show = self.read_again(options)
        before = _file_options(self._options)
        after = _file_options(cast("UnixInboundOptions", options))
        if not self._came_back(after) and self._listening is not None and after != before:
            self._listening.change_file(*after)
        take_back = ProxiedListening.apply(self, options)  # the files of TLS have been read
        hide = show()

        def take_file_back() -> None:
            take_back()
            hide()
            if self._listening is not None and not self._listening.is_gone and after != before:
                self._listening.change_file(*before)

        return take_file_back

    def listen(self) -> Deferred[None]:
        if self._listening is not None:
            return succeed(None)
        if self._options.users is not None and not PEER_CREDENTIALS:
            return fail(
                StartError(
                    f"{self.options.label}: users: this system does not say who the peer of a "
                    "unix socket is"
                )
            )
        try:
            self._accept_at(self._open(_file_options(self._options)))
        except StartError as error:
            return fail(error)
        return succeed(None)

    def _open(
        self, file_options: tuple[int, str | int | None, str | int | None]
    ) -> UnixListeningSocket:
        given = next(iter(self.inherited), None)
        return self.context.listeners.open_unix(
            self.options.label, self._options.address, *file_options, inherited=given
        )

    def _accept_at(self, listening: UnixListeningSocket) -> None:
        self._listening = listening
        if self._tls is None:
            gate = self.make_gate(self._identify)
            passes = self._options.pass_descriptors
            accepted = UnixEntry(gate, self.context, self._notice, passes=passes).accepted
        elif self.context.kernel is not None and self.context.kernel.tls:
            gate = self.make_gate(self._identify_tls)
            self._entry = KernelTlsEntry(gate, self.context, self.context.kernel, self._tls)
            accepted = self._entry.accepted
        else:
            gate = self.make_gate(self._identify_transport)
            self._entry = TlsEntry(gate, self.context, self._tls)
            accepted = self._entry.accepted
        behind = self.behind_proxies(gate, accepted)
        self._acceptor = Acceptor(self.context, listening.socket, gate, behind)
        self._acceptor.start()
        self.log_listening(self._options.path)

    def _came_back(self, file_options: tuple[int, str | int | None, str | int | None]) -> bool:
        """If the file was removed, listen again, or log why that failed. Returns whether it was
        removed.
        """
        if self._listening is None or not self._listening.is_gone:
            return False
        try:
            listening = self._open(file_options)
        except StartError as error:
            self.log_gone(self._options.path, error)
        else:
            self.stop_listening()
            self._accept_at(listening)
        return True

    def stop_listening(self) -> Deferred[None]:
        if self._acceptor is not None and self._listening is not None:
            self._acceptor.stop()
            self.stop_reading_headers()
            if self._entry is not None:
                self._entry.stop()
            try:
                self._listening.close()
            except OSError as error:
                self.context.log.warn(
                    "inbound {tag}: {path} can't be removed: {error}",
                    tag=self.tag,
                    path=self._options.path,
                    error=error.strerror,
                )
            self._acceptor = self._listening = None
        return succeed(None)

    def _identify(self, connected: socket.SocketType) -> ClientInfo:
        if self._anybody is not None and not self.context.relay.names_clients:
            return self._anybody
        return self._name(connected)

    def _identify_tls(self, client: TlsClient) -> ClientInfo:
        client.listener.completed(client.tls)
        return self.with_certificate(self._identify(client.socket), client.tls)

    def _identify_transport(self, transport: AnyTransport) -> ClientInfo:
        if self._tls is not None:
            self._tls.completed(transport.getHandle())
        connected = socket_of(transport)
        if connected is None:
            raise ConnectionError
        client_info = self._identify(connected)
        if self._tls is None:
            return client_info
        return self.with_certificate(client_info, transport.getHandle())


def _file_options(options: UnixInboundOptions) -> tuple[int, str | int | None, str | int | None]:
    return options.mode, options.owner, options.group
