"""The inbound ``unixgram``."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from zope.interface import implementer

from pipetwist.connection.client_info import ClientInfo
from pipetwist.datagram.context import enlarge_buffers
from pipetwist.datagram.plain import EitherBatch
from pipetwist.datagram.source import Source
from pipetwist.errors import StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.credentials import PEER_CREDENTIALS, PeerCredentials, client_info_of
from pipetwist.inbounds.datagram import DatagramInbound
from pipetwist.inbounds.unix_options import UnixSocketOptions
from pipetwist.interfaces import IInbound
from pipetwist.kinds.inbound_options import DatagramInboundOptions, InboundOptions
from pipetwist.kinds.proxy_options import ProxiedInboundOptions
from pipetwist.network.unix_socket import UnixListeningSocket

__all__ = ["UnixgramInbound", "UnixgramInboundOptions"]

_SO_PASSCRED = getattr(socket, "SO_PASSCRED", 16)


@dataclass(frozen=True, kw_only=True)
class UnixgramInboundOptions(ProxiedInboundOptions, UnixSocketOptions, DatagramInboundOptions):
    """An inbound on a unix datagram socket."""

    fixed = ("path", "mode", "owner", "group", "proxy_protocol")

    type: Literal["unixgram"] = "unixgram"
    """Always ``unixgram``."""


@implementer(IInbound)
class UnixgramInbound(DatagramInbound):
    """Listens on a unix datagram socket.

    Args:
        options: what the configuration says.
        context: what it works with.
    """

    Options: ClassVar[type[InboundOptions]] = UnixgramInboundOptions

    def __init__(self, options: UnixgramInboundOptions, context: InboundContext) -> None:
        super().__init__(options, context)
        self._listening: UnixListeningSocket | None = None

    def apply_options(self, options: InboundOptions) -> None:
        super().apply_options(options)
        self._options = cast("UnixgramInboundOptions", options)

    def apply(self, options: InboundOptions) -> Callable[[], None]:
        """See `IInbound`. Where the file was removed it listens again; the associations end, which
        are answered from the old socket.
        """
        before = self._listening
        if before is not None and before.is_gone:
            try:
                listening = self._make_socket()
            except StartError as error:
                self.log_gone(self._options.path, error)
            else:
                self.stop_listening()
                self._open_on(self._begin_with(listening))
        return super().apply(options)

    def open_sockets(self) -> list[tuple[socket.socket, EitherBatch]]:
        if self._options.users is not None and not PEER_CREDENTIALS:
            message = (
                f"{self.options.label}: users: this system does not say who sends to a unix socket"
            )
            raise StartError(message)
        return self._begin_with(self._make_socket())

    def _make_socket(self) -> UnixListeningSocket:
        options = self._options
        return self.context.listeners.open_unix(
            self.options.label,
            options.address,
            options.mode,
            options.owner,
            options.group,
            prepare=_prepare,
        )

    def _begin_with(
        self, listening: UnixListeningSocket
    ) -> list[tuple[socket.socket, EitherBatch]]:
        self._listening = listening
        self.context.log.info(
            "inbound {tag} listens on {path}", tag=self.tag, path=self._options.path
        )
        return [(listening.socket, self.datagram_context.from_unix)]

    def close_sockets(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            try:
                listening.close()
            except OSError as error:
                self.context.log.warn(
                    "inbound {tag}: {path} can't be removed: {error}",
                    tag=self.tag,
                    path=self._options.path,
                    error=error.strerror,
                )

    def identify(self, source: Source) -> ClientInfo:
        peer = None if source.credentials is None else PeerCredentials(*source.credentials)
        asked = self._options.users is not None
        return client_info_of(self.tag, peer, self.timeouts, identified=asked)


def _prepare(opened: socket.socket) -> None:
    enlarge_buffers(opened)
    with contextlib.suppress(OSError):  # there are no credentials elsewhere
        opened.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
