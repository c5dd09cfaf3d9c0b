"""What /proc/net/tcp and /proc/net/udp, and those of IPv6, say of a socket (proc_net(5)): who owns
it. No I/O: their text is given.
"""

from __future__ import annotations

import re
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = [
    "LISTENING",
    "UNCONNECTED",
    "SocketOwner",
    "address_text",
    "bound_to",
    "listeners_on",
    "owner_at",
    "row_of",
]

LISTENING = b"0A"
"""The state of a socket of TCP that listens: TCP_LISTEN, include/net/tcp_states.h."""
UNCONNECTED = b"07"
"""The state of a socket of UDP that has no peer: TCP_CLOSE, in the same place."""
_INODE = 9  # which field it is
_FAMILIES = ((socket.AF_INET, 4), (socket.AF_INET6, 16))


class SocketOwner(NamedTuple):
    """The owner of a socket.

    Attributes:
        address: the local address, as the kernel writes it.
        uid: the user who opened it.
        inode: its inode, which ``/proc/PID/fd`` names; 0 if no process has it any more.
    """

    address: str
    uid: int
    inode: int


def address_text(host: str) -> str:
    """An address as the kernel writes it: each word of 32 bits as this machine has it in memory.

    Raises:
        ValueError: it is not an IP address.
    """
    for family, size in _FAMILIES:
        try:
            packed = socket.inet_pton(family, host)
        except OSError:
            continue
        words = struct.unpack(f"{'<' if sys.byteorder == 'little' else '>'}{size // 4}I", packed)
        return "".join(f"{word:08X}" for word in words)
    message = f"{host!r} is not an IP address"
    raise ValueError(message)


def listeners_on(table: bytes, port: int, state: bytes = LISTENING) -> Iterator[SocketOwner]:
    """The listening sockets on a port, at whatever address.

    Args:
        table: the text of the table.
        port: the port.
        state: `LISTENING`, or in a table of UDP `UNCONNECTED`.
    """
    for line in re.findall(rb"^.*:%04X [0-9A-F]+:0000 %s .*$" % (port, state), table, re.MULTILINE):
        yield _owner_of(line.split())


def bound_to(table: bytes, port: int) -> Iterator[SocketOwner]:
    """All sockets whose own port is this one, at whatever address and in whatever state.

    Args:
        table: the text of the table.
        port: the port.
    """
    mark = b":%04X " % port
    at = table.find(mark)
    while at >= 0:
        end = table.find(b"\n", at)
        fields = table[table.rfind(b"\n", 0, at) + 1 : len(table) if end < 0 else end].split()
        if len(fields) > _INODE and fields[1].endswith(mark.rstrip()):  # and not the peer's
            yield _owner_of(fields)
        at = table.find(mark, at + 1)


def _owner_of(fields: Sequence[bytes]) -> SocketOwner:
    return SocketOwner(fields[1].split(b":")[0].decode(), int(fields[7]), int(fields[_INODE]))


def row_of(local: tuple[str, int], remote: tuple[str, int]) -> bytes:
    """What the row of a connected socket contains, and no other.

    Args:
        local: the address of the socket itself, and its port.
        remote: the address of its peer, and its port.
    """
    ends = (f"{address_text(host)}:{port:04X}" for host, port in (local, remote))
    return f" {' '.join(ends)} ".encode()


def owner_at(table: bytes, start: int) -> SocketOwner | None:
    """The owner of a connected socket. It may have half-closed.

    Args:
        table: the text of the table.
        start: where the socket's `row_of` is in it.

    Returns:
        The owner; None if its process has closed it.
    """
    fields = table[start : table.find(b"\n", start)].split()
    address = fields[0].split(b":")[0].decode()
    owner = SocketOwner(address, int(fields[6]), int(fields[8]))
    return owner if owner.inode else None
