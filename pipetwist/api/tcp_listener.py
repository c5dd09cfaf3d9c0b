"""A TCP port for gRPC's server, taken so that a failure has a reason and that nobody else has the port as well.

gRPC by itself shares a port silently with another server, takes one address of several where the others are taken, and says why it can take
none on standard error alone.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipetwist.errors import StartError
from pipetwist.network.listening import ListenHosts, choose_families, open_everywhere
from pipetwist.values.addresses import shown_address

if TYPE_CHECKING:
    from pipetwist.values.listen import TcpListen

__all__ = ["SERVER_OPTIONS", "listen_tcp"]

SERVER_OPTIONS = (("grpc.so_reuseport", 0),)
"""The options that a gRPC server needs for `listen_tcp`."""

_PLACE = "experimental.v2ray_api.listen"


def listen_tcp(listen: TcpListen, add_port: Callable[[str], int], hosts: ListenHosts, warn: Callable[[str], object]) -> int:
    """Make gRPC's server listen on each address of the host.

    Of a name's addresses those count that this machine has: ``localhost`` is often ``::1`` too where there is no IPv6.

    Args:
        listen: the host and the port.
        add_port: the server's method that takes an address and returns the port.
        hosts: knows the host's addresses.
        warn: is told of addresses that this machine has not got.

    Returns:
        The port's number.

    Raises:
        StartError: the host has no address, or the port can't be taken on one that it has.
    """
    probes = open_everywhere(_PLACE, listen.host, listen.port, hosts.find(_PLACE, listen.host), _probe, warn)
    addresses = [probe.getsockname() for probe in probes]
    for probe in probes:
        probe.close()
    # A port that is free at several addresses has just been found; of one address gRPC finds it.
    port: int = listen.port if len(addresses) == 1 else addresses[0][1]
    try:
        for address in addresses:
            port = add_port(shown_address(_with_interface(*address), port))
    except RuntimeError as error:
        message = f"{_PLACE}: can't listen on {listen}: {error}"
        raise StartError(message) from error
    return port


def _probe(family: int, address: Any) -> socket.socket:
    probe = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gRPC's own; elsewhere it means to share the port
        choose_families(probe, address)
        probe.bind(address)
    except OSError:
        probe.close()
        raise
    return probe


def _with_interface(host: str, port: int, flow: int = 0, interface: int = 0) -> str:
    return f"{host}%{interface}" if interface else host
