"""The outbound ``unix``."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass
from typing import ClassVar, Literal

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import Factory
from zope.interface import implementer

from pipetwist.errors import ConnectError
from pipetwist.interfaces import IOutbound, ISide
from pipetwist.outbounds.options import OutboundOptions
from pipetwist.outbounds.setting import OutboundSetting
from pipetwist.transfer.stream import StreamSide
from pipetwist.values import UnixPath, unix_sockaddr

__all__ = ["UnixOutbound", "UnixOutboundOptions"]

# A unix socket whose server's backlog is full can't be waited for with poll(2): connecting is tried anew this often.
_RETRY_SECONDS = 0.01


@dataclass(frozen=True, kw_only=True)
class UnixOutboundOptions(OutboundOptions):
    """An outbound to a unix domain socket."""

    type: Literal["unix"] = "unix"
    """Always ``unix``."""
    path: UnixPath
    """The socket's path; ``@name`` is abstract, ``@@name`` abstract and padded to 108 bytes."""


class _Adoption(Factory[StreamSide]):
    """Makes one connected socket a side."""

    noisy = False

    def __init__(self, side: StreamSide) -> None:
        self._side = side

    def buildProtocol(self, addr: IAddress | None) -> StreamSide:
        return self._side


@implementer(IOutbound)
class UnixOutbound:
    """Connects a unix domain socket for each connection.

    Args:
        options: what the configuration says.
        setting: what it works with; its reactor adopts sockets.
    """

    Options: ClassVar[type[OutboundOptions]] = UnixOutboundOptions

    def __init__(self, options: UnixOutboundOptions, setting: OutboundSetting) -> None:
        self.tag = options.tag
        self.connect_timeout = options.connect_timeout
        self._path = options.path
        self._address = unix_sockaddr(options.path)
        self._setting = setting

    def connect(self) -> Deferred[ISide]:
        """See `IOutbound`."""
        try:
            opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:
            return fail(self._failure(error.errno))
        opened.setblocking(False)
        waiting: list[IDelayedCall] = []

        def give_up(_: Deferred[ISide]) -> None:
            opened.close()
            for call in waiting:
                call.cancel()

        connecting: Deferred[ISide] = Deferred(give_up)
        self._attempt(opened, connecting, waiting)
        return connecting

    def _attempt(self, opened: socket.socket, connecting: Deferred[ISide], waiting: list[IDelayedCall]) -> None:
        waiting.clear()
        number = opened.connect_ex(self._address)
        if number == errno.EAGAIN:
            waiting.append(self._setting.reactor.callLater(_RETRY_SECONDS, self._attempt, opened, connecting, waiting))
            return
        side = StreamSide(self._setting.reactor, self._setting.hang_ups)
        with opened:
            if number == 0:
                try:
                    self._setting.reactor.adoptStreamConnection(opened.fileno(), socket.AF_UNIX, _Adoption(side))
                except OSError as error:
                    number = error.errno or errno.EIO
        if number == 0:
            connecting.callback(side)
        else:
            connecting.errback(self._failure(number))

    def _failure(self, number: int | None) -> ConnectError:
        return ConnectError(f"{self._path}: {os.strerror(number or errno.EIO)}")
