"""A TCP port for gRPC's server, taken so that a failure has a reason and that nobody else has the port as well.

gRPC by itself shares a port silently with another server, takes one address of several where the others are taken, and says why it can take
none on standard error alone.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from pipetwist.errors import StartError

if TYPE_CHECKING:
    from pipetwist.values.listen import TcpListen

__all__ = ["SERVER_OPTIONS", "listen_tcp"]

SERVER_OPTIONS = (("grpc.so_reuseport", 0),)
"""The options that a gRPC server needs for `listen_tcp`."""

_PLACE = "experimental.v2ray_api.listen"
_NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


def listen_tcp(listen: TcpListen, add_port: Callable[[str], int]) -> int:
    """Make gRPC's server listen on each address of the host.

    Of a name's addresses those count that this machine has: ``localhost`` is often ``::1`` too where there is no IPv6.

    Args:
        listen: the host and the port.
        add_port: the server's method that takes an address and returns the port.

    Returns:
        The port's number.

    Raises:
        StartError: the host has no address, or the port can't be taken on one that it has.
    """
    here = [host for family, host in _addresses(listen) if _can_listen(listen, family, host)]
    if not here:
        raise _cant_listen(listen, os.strerror(errno.EADDRNOTAVAIL))
    port = listen.port
    try:
        for host in here:
            port = add_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError as error:
        raise _cant_listen(listen, error) from error
    return port


def _addresses(listen: TcpListen) -> list[tuple[int, str]]:
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        message = f"{_PLACE}: the host of {listen} is not known: {error.strerror}"
        raise StartError(message) from error
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _can_listen(listen: TcpListen, family: int, host: str) -> bool:
    """Whether the port can be taken at one of the host's addresses; False where this machine does not have the address."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gRPC's own; elsewhere it means to share the port
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if ip_address(host).is_unspecified else 1)
            probe.bind((host, listen.port))
    except OSError as error:
        if error.errno in _NOT_HERE:
            return False
        raise _cant_listen(listen, error.strerror) from error
    return True


def _cant_listen(listen: TcpListen, reason: object) -> StartError:
    message = f"{_PLACE}: can't listen on {listen}: {reason}"
    return StartError(message)
