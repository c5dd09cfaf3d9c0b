"""Where a datagram came from."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from pipetwist.values.addresses import SocketAddress

__all__ = ["Source", "source_of"]

_UCRED = struct.Struct("i2I")  # struct ucred: pid_t, uid_t, gid_t
_CONTROL_HEADER = struct.calcsize("@Nii")  # struct cmsghdr, cmsg(3)
_FAMILY = struct.Struct("@H")
_PORT = struct.Struct("!H")
# The interface's number would bind an answer to an interface; without it the route decides (ip(7),
# ipv6(7)).
_INTERFACE = {socket.AF_INET: slice(0, 4), socket.AF_INET6: slice(16, 20)}

# The prefix of an IPv4 address as an IPv6 address, for sockets that accept both (RFC 4291, section
# 2.5.5.2).
_MAPPED = bytes(10) + b"\xff\xff"


class Source(NamedTuple):
    """A sender, and how to answer it.

    Attributes:
        host: its address; None for a unix socket.
        port: its port.
        named: whether it can get answers: a unix socket without a name can't.
        credentials: its process, user and group, if the kernel says them.
        name: its ``sockaddr``, or what Python takes for one.
        control: ancillary data that an answer needs, to leave from the address that was sent to.
        address: its name in Python's words, where they say all that an answer needs.
    """

    host: str | None
    port: int
    named: bool
    credentials: tuple[int, int, int] | None
    name: SocketAddress
    control: bytes = b""
    address: tuple[str, int] | None = None


def source_of(name: bytes, control: bytes) -> Source:
    """Parse what the kernel has written.

    Args:
        name: a ``sockaddr``, as long as it is.
        control: the message's ancillary data, of one header at most.
    """
    family = _FAMILY.unpack_from(name)[0] if len(name) >= _FAMILY.size else socket.AF_UNIX
    if family == socket.AF_INET:
        host, port = socket.inet_ntop(family, name[4:8]), _PORT.unpack_from(name, 2)[0]
        return Source(
            host,
            port,
            True,
            None,
            name,
            _answering(family, control),
            None if control else (host, port),
        )
    if family == socket.AF_INET6:
        if name[8:20] == _MAPPED:
            host = socket.inet_ntop(socket.AF_INET, name[20:24])
            return Source(
                host, _PORT.unpack_from(name, 2)[0], True, None, name, _answering(family, control)
            )
        return Source(
            socket.inet_ntop(family, name[8:24]),
            _PORT.unpack_from(name, 2)[0],
            True,
            None,
            name,
            _answering(family, control),
        )
    credentials = _UCRED.unpack_from(control, _CONTROL_HEADER) if control else None
    return Source(None, 0, len(name) > _FAMILY.size, credentials, name)


def _answering(family: int, control: bytes) -> bytes:
    if not control:
        return b""
    answer = bytearray(control)
    interface = _INTERFACE[socket.AddressFamily(family)]
    answer[_CONTROL_HEADER + interface.start : _CONTROL_HEADER + interface.stop] = bytes(4)
    return bytes(answer)
