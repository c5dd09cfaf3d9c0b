"""The outbound ``unixgram``."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from pipetwist.datagram.context import DatagramContext, max_unix_bytes
from pipetwist.datagram.sockets import connect_datagram
from pipetwist.errors import ConnectError
from pipetwist.interfaces import IClientOutbound, ISide, Medium
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.kinds.proxy_options import ProxiedDatagramOptions
from pipetwist.kinds.unix_options import UnixKindOptions
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.proxied import DATAGRAM_HEADER_BYTES, ProxiedOutbound, headed_datagrams
from pipetwist.values import UnixPath, unix_sockaddr

__all__ = ["UnixgramOutbound", "UnixgramOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class UnixgramOutboundOptions(UnixKindOptions, ProxiedDatagramOptions, OutboundOptions):
    """An outbound to a unix datagram socket."""

    medium = Medium.DATAGRAMS

    type: Literal["unixgram"] = "unixgram"
    """Always ``unixgram``."""
    path: UnixPath
    """The socket's path; ``@name`` is abstract, ``@@name`` abstract and padded to 108 bytes."""

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        if platform not in ("linux", "win32"):
            yield (
                "type",
                (
                    "only Linux gives a socket a name that answers can go to without a file; use "
                    "the type udp"
                ),
            )
        yield from super().lacking(written, platform)


@implementer(IClientOutbound)
class UnixgramOutbound(ProxiedOutbound):
    """Opens a socket to a unix datagram socket for each datagram connection.

    Args:
        options: what the configuration says.
        context: what it works with.
    """

    Options: ClassVar[type[OutboundOptions]] = UnixgramOutboundOptions

    def __init__(self, options: UnixgramOutboundOptions, context: OutboundContext) -> None:
        self.tag = options.tag
        self.in_kernel = context.kernel is not None
        self._datagram_context = context.datagram_context or DatagramContext(
            context.reactor, None if context.kernel is None else context.kernel.poller
        )
        self.connect_timeout = options.connect_timeout
        self.max_datagram_bytes = max_unix_bytes()
        self._path = options.path
        self._address = unix_sockaddr(options.path)
        self.use_headers(options, socket.SOCK_DGRAM)
        if self.headers is not None:
            self.max_datagram_bytes -= DATAGRAM_HEADER_BYTES

    def connect_with(self, header: bytes | None) -> ISide | Deferred[ISide]:
        try:
            opened = connect_datagram(socket.AF_UNIX, self._address, self._path)
        except ConnectError:
            return fail()
        return headed_datagrams(self._datagram_context, opened, header)
