"""Addresses of the network."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

__all__ = ["numeric_address", "shown_address", "shown_peer"]


def numeric_address(host: str, port: int) -> tuple[int, Any] | None:
    """The family and the socket address of a host written in digits; None for a name, or for one with an interface's (``fe80::1%eth0``)."""
    try:
        version = ip_address(host).version
    except ValueError:
        return None
    if "%" in host:
        # The system knows the interface's number, and may know it only later.
        return None
    return (socket.AF_INET, (host, port)) if version == 4 else (socket.AF_INET6, (host, port, 0, 0))


def shown_address(host: str, port: object) -> str:
    """An address for people."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def shown_peer(peer: object) -> str:
    """An address of Twisted's for people; ``unix`` for one without a host."""
    host = getattr(peer, "host", None)
    return "unix" if host is None else shown_address(host, getattr(peer, "port", None))
