"""The outbound ``unixgram``."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from pipetwist.errors import ConnectError
from pipetwist.interfaces import IOutbound, ISide, Medium
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.kinds.unix_options import UnixKindOptions
from pipetwist.outbounds.setting import OutboundSetting
from pipetwist.packets.setting import PacketSetting, largest_unix
from pipetwist.packets.socket_side import DatagramSide
from pipetwist.packets.sockets import connect_datagram
from pipetwist.values import UnixPath, unix_sockaddr

__all__ = ["UnixgramOutbound", "UnixgramOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class UnixgramOutboundOptions(UnixKindOptions, OutboundOptions):
    """An outbound to a unix datagram socket."""

    medium = Medium.DATAGRAMS

    type: Literal["unixgram"] = "unixgram"
    """Always ``unixgram``."""
    path: UnixPath
    """The socket's path; ``@name`` is abstract, ``@@name`` abstract and padded to 108 bytes."""

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        """See `KindOptions`."""
        if platform not in ("linux", "win32"):
            yield "type", "only Linux gives a socket a name that answers can go to without a file; use the type udp"
        yield from super().lacking(written, platform)


@implementer(IOutbound)
class UnixgramOutbound:
    """Opens a socket to a unix datagram socket for each packet connection.

    Args:
        options: what the configuration says.
        setting: what it works with.
    """

    Options: ClassVar[type[OutboundOptions]] = UnixgramOutboundOptions

    def __init__(self, options: UnixgramOutboundOptions, setting: OutboundSetting) -> None:
        self.tag = options.tag
        self.in_kernel = setting.kernel is not None
        self._packets = setting.packets or PacketSetting(setting.reactor, None if setting.kernel is None else setting.kernel.poller)
        self.connect_timeout = options.connect_timeout
        self.largest_datagram = largest_unix()
        self._path = options.path
        self._address = unix_sockaddr(options.path)

    def connect(self) -> ISide | Deferred[ISide]:
        """See `IOutbound`."""
        try:
            side: ISide = DatagramSide(self._packets, connect_datagram(socket.AF_UNIX, self._address, self._path))
        except ConnectError:
            return fail()
        return side
