"""Asks the kernel by sock_diag(7) who owns one connected TCP socket, or the UDP sockets of a port.
That is quick however many sockets there are; /proc/net/tcp and /proc/net/udp take as long as they
are.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from pipetwist.plugins.socket_table import SocketOwner, address_text

__all__ = ["DiagnosisError", "diagnosed_owner", "diagnosed_port"]

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NLM_F_DUMP = 0x300
_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_HEADER = struct.Struct("=IHHII")
_ALL_STATES = 0xFFFFFFFF
_NO_COOKIE = b"\xff" * 8
_REQUEST = struct.Struct("=BBBxI")  # struct inet_diag_req_v2 up to its id
_ID = struct.Struct("=2s2s16s16sI8s")  # struct inet_diag_sockid
_ANSWER = struct.Struct("=BBBB48sIIIII")  # struct inet_diag_msg
_SECONDS = 1.0
_ENOENT = 2
_ANY_HOST = bytes(16)


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
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    ports = [struct.pack("!H", port) for _, port in (local, remote)]
    hosts = [socket.inet_pton(family, host).ljust(16, b"\0") for host, _ in (local, remote)]
    asked = _ID.pack(*ports, *hosts, 0, _NO_COOKIE)
    for kind, answer in _answers(family, socket.IPPROTO_TCP, _NLM_F_REQUEST, asked):
        if kind == _NLMSG_ERROR:
            if _error_of(answer) == _ENOENT:
                return None
            raise _refused(answer)
        owner = _owner(family, answer)
        return owner if owner.inode else None
    return None


def diagnosed_port(port: int) -> list[SocketOwner]:
    """The owners of all UDP sockets whose own port is this one, at whatever address.

    Args:
        port: the port.

    Raises:
        DiagnosisError: the kernel can't be asked.
    """
    asked = _ID.pack(struct.pack("!H", port), b"", _ANY_HOST, _ANY_HOST, 0, _NO_COOKIE)
    found = []
    for family in (socket.AF_INET, socket.AF_INET6):
        flags = _NLM_F_REQUEST | _NLM_F_DUMP
        for kind, answer in _answers(family, socket.IPPROTO_UDP, flags, asked):
            if kind == _NLMSG_ERROR:
                raise _refused(answer)
            if kind == _NLMSG_DONE:
                break
            found.append(_owner(family, answer))
    return found


def _answers(family: int, protocol: int, flags: int, asked: bytes) -> Iterator[tuple[int, bytes]]:
    """Ask, and take the answers, each of a type of message, until the caller has enough."""
    body = _REQUEST.pack(family, protocol, 0, _ALL_STATES) + asked
    header = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, flags, 1, 0)
    try:
        with socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG
        ) as asking:
            asking.settimeout(_SECONDS)
            asking.send(header + body)
            while True:
                answers = asking.recv(1 << 16)
                while answers:
                    size, kind, *_ = _HEADER.unpack_from(answers)
                    yield kind, answers[_HEADER.size : size]
                    answers = answers[-(-size // 4) * 4 :]  # each begins at a multiple of four
    except OSError as error:
        raise DiagnosisError(str(error)) from error


def _error_of(answer: bytes) -> int:
    (number,) = struct.unpack_from("=i", answer)
    return -int(number)


def _refused(answer: bytes) -> DiagnosisError:
    return DiagnosisError(f"sock_diag answers with error {_error_of(answer)}")


def _owner(family: int, answer: bytes) -> SocketOwner:
    *_, sockid, _, _, _, uid, inode = _ANSWER.unpack_from(answer)
    _, _, host, *_ = _ID.unpack_from(sockid)
    size = 4 if family == socket.AF_INET else 16
    return SocketOwner(address_text(socket.inet_ntop(family, host[:size])), uid, inode)
