"""What every datagram socket needs."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from functools import cache, cached_property
from pathlib import Path

from pipetwist.datagram.batch import Batch
from pipetwist.datagram.calls import batches_work
from pipetwist.datagram.plain import EitherBatch, PlainBatch
from pipetwist.datagram.watcher import Watcher
from pipetwist.descriptors import descriptor_limit
from pipetwist.interfaces import AnyReactor
from pipetwist.kernel.poller import Poller

__all__ = ["DatagramContext", "affordable_associations", "enlarge_buffers", "max_unix_bytes"]

_COUNT = 64
# Of four file descriptors.
_SHARE = 3
_UDP_SIZE = 1 << 16
# A unix socket holds hardly more than net.unix.max_dgram_qlen datagrams, by default 10.
_UNIX_COUNT = 16
_DEFAULT_UNIX_SIZE = 1 << 18
_CREDENTIALS = socket.CMSG_SPACE(struct.calcsize("i2I")) if hasattr(socket, "CMSG_SPACE") else 0
# struct in_pktinfo and struct in6_pktinfo are 12 and 20 bytes, struct sockaddr_in and struct
# sockaddr_in6 16 and 28, ip(7), ipv6(7).
_ADDRESSES = {socket.AF_INET: 12, socket.AF_INET6: 20}
_NAMES = {socket.AF_INET: 16, socket.AF_INET6: 28}
_BUFFER_SIZE = 1 << 22
# SO_RCVBUFFORCE and SO_SNDBUFFORCE, socket(7).
_FORCE = {socket.SO_RCVBUF: 33, socket.SO_SNDBUF: 32}


class DatagramContext:
    """What every datagram socket needs. Its memory is allocated at the first use.

    Args:
        reactor: counts the time.
        poller: watches descriptors; None to have the reactor do it.
    """

    def __init__(self, reactor: AnyReactor, poller: Poller | None = None) -> None:
        self.reactor = reactor
        self.watcher: Poller | Watcher = poller or Watcher(reactor)
        self._make = Batch if batches_work() else PlainBatch
        self._batches: dict[tuple[int, int], EitherBatch] = {}

    @cached_property
    def from_unix_peers(self) -> EitherBatch:
        """The batch for connected unix sockets."""
        return self._make(_UNIX_COUNT, max_unix_bytes())

    @cached_property
    def from_network_peers(self) -> EitherBatch:
        """The batch for connected UDP sockets."""
        return self._make(_COUNT, _UDP_SIZE)

    @cached_property
    def from_unix(self) -> EitherBatch:
        """The batch for listening unix sockets, with the sender of each datagram."""
        return self._make(_UNIX_COUNT, max_unix_bytes(), _CREDENTIALS)

    def from_network(self, family: int, *, anywhere: bool) -> EitherBatch:
        """The batch for listening UDP sockets.

        Args:
            family: their address family.
            anywhere: whether they are bound to every address, so that each datagram must say which
                one it was sent to.
        """
        kind = socket.AddressFamily(family)
        control = socket.CMSG_SPACE(_ADDRESSES[kind]) if anywhere and batches_work() else 0
        if (kind, control) not in self._batches:
            self._batches[kind, control] = self._make(_COUNT, _UDP_SIZE, control, _NAMES[kind])
        return self._batches[kind, control]


def affordable_associations() -> int:
    """How many associations of one inbound leave file descriptors for the rest: each needs at least
    one, while new sources cost an attacker nothing.
    """
    limit = descriptor_limit()
    return limit if limit == sys.maxsize else max(1, limit * _SHARE // 4)


@cache
def max_unix_bytes() -> int:
    """Bytes of the largest datagram of a unix socket. The sender's buffer limits it, and the system
    limits the buffer (socket(7), unix(7)).
    """
    with contextlib.suppress(OSError, ValueError):
        return max(
            _DEFAULT_UNIX_SIZE,
            2 * int(Path("/proc/sys/net/core/wmem_max").read_text(encoding="ascii")),
        )
    return _DEFAULT_UNIX_SIZE


def enlarge_buffers(opened: socket.socket) -> None:
    """Enlarge a datagram socket's buffers, for the time until it is read again, as far as the
    system allows.
    """
    for option, force in _FORCE.items():
        if opened.getsockopt(socket.SOL_SOCKET, option) < _BUFFER_SIZE:
            try:
                opened.setsockopt(socket.SOL_SOCKET, force, _BUFFER_SIZE)
            except OSError:
                with contextlib.suppress(OSError):
                    opened.setsockopt(socket.SOL_SOCKET, option, _BUFFER_SIZE)
