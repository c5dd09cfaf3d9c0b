"""Asks the kernel for the owner of one connected TCP socket, by sock_diag(7). That takes some
microseconds, however many sockets there are; /proc/net/tcp takes as long as it is.
"""

from __future__ import annotations

import socket
import struct

from pipetwist.plugins.socket_table import SocketOwner, address_text

__all__ = ["DiagnosisError", "diagnosed_owner"]

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NLMSG_ERROR = 2
_HEADER = struct.Struct("=IHHII")
_ALL_STATES = 0xFFFFFFFF
_NO_COOKIE = b"\xff" * 8
_REQUEST = struct.Struct("=BBBxI")  # struct inet_diag_req_v2 up to its id
_ID = struct.Struct("=2s2s16s16sI8s")  # struct inet_diag_sockid
_ANSWER = struct.Struct("=BBBB48sIIIII")  # struct inet_diag_msg
_SECONDS = 1.0
_ENOENT = 2


class DiagnosisError(Exception):
    """The kernel can't be asked here: it lacks that, or a sandbox forbids AF_NETLINK."""


def diagnosed_owner(local: tuple[str, int], remote: tuple[str, int]) -> SocketOwner | None:
    """The owner of a connected socket. It may have half-closed.

    Args:
        local: the IP address of the socket itself, and its port.
        remote: the IP address of its peer, and its port.

    Returns:
        None if there is none, or its process has closed it.

    Raises:
        DiagnosisError: the kernel can't be asked.
    """
    try:
        with socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG
        ) as asking:
            asking.settimeout(_SECONDS)
            asking.send(_request(local, remote))
            answer = asking.recv(1 << 12)
    except OSError as error:
        raise DiagnosisError(str(error)) from error
    return _owner(answer, local[0])


def _request(local: tuple[str, int], remote: tuple[str, int]) -> bytes:
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    ports = [struct.pack("!H", port) for _, port in (local, remote)]
    hosts = [socket.inet_pton(family, host).ljust(16, b"\0") for host, _ in (local, remote)]
    body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _ALL_STATES)
    body += _ID.pack(*ports, *hosts, 0, _NO_COOKIE)
    size = _HEADER.size + len(body)
    return _HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0) + body


def _owner(answer: bytes, host: str) -> SocketOwner | None:
    _, kind, *_ = _HEADER.unpack_from(answer)
    if kind == _NLMSG_ERROR:
        (number,) = struct.unpack_from("=i", answer, _HEADER.size)
        if number == -_ENOENT:
            return None
        message = f"sock_diag answers with error {-number}"
        raise DiagnosisError(message)
    *_, uid, inode = _ANSWER.unpack_from(answer, _HEADER.size)
    return SocketOwner(address_text(host), uid, inode) if inode else None
