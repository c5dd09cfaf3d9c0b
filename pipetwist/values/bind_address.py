"""Addresses that something listens on, or is sent to, and comparisons of two of them.

Only the texts are compared: nothing is opened, and names are not looked up.
"""

from __future__ import annotations

import os
import socket
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Literal

from pipetwist.values.addresses import plain_host, shown_address
from pipetwist.values.paths import unix_sockaddr

__all__ = [
    "ANY_CID",
    "EVERY_ADDRESS",
    "EVERY_IPV4",
    "BindAddress",
    "PortAddress",
    "UnixAddress",
    "VsockAddress",
    "bound_address",
]

EVERY_IPV4 = "0.0.0.0"  # noqa: S104 - it is looked for, not listened on
"""Every address of IPv4."""
EVERY_ADDRESS = "::"
"""Every address, those of IPv4 too."""
ANY_CID = 2**32 - 1
"""Every cid of this machine (VMADDR_CID_ANY, vsock(7))."""
_LOCAL_CID = 1
_HERE = "localhost"


class BindAddress(ABC):
    """An address that one socket can listen on."""

    @abstractmethod
    def overlaps(self, other: BindAddress, platform: str = sys.platform) -> bool:
        """Whether it is certain that two sockets can't listen on both."""

    @abstractmethod
    def may_overlap(self, other: BindAddress) -> bool:
        """Whether it is possible that two sockets can't listen on both."""

    @abstractmethod
    def is_reached_by(self, target: BindAddress) -> bool:
        """Whether it is certain that what is sent to a target arrives here."""

    @abstractmethod
    def is_the_same_as(self, bound: BindAddress) -> bool:
        """Whether a socket that is bound to an address listens exactly here. Symbolic links are
        followed.
        """


@dataclass(frozen=True)
class PortAddress(BindAddress):
    """A port of one address.

    Attributes:
        host: a host's name or address, an IPv6 address without brackets.
        port: its number; 0 takes a free one.
        transport: which of the two kinds of ports.
        interface: the number of the interface, which of a link-local address is a part (ipv6(7)).
    """

    host: str
    port: int
    transport: Literal["tcp", "udp"] = "tcp"
    interface: int = 0

    def __str__(self) -> str:
        return shown_address(self.host, self.port)

    @property
    def over_udp(self) -> PortAddress:
        """The port of the same number that is for datagrams."""
        return replace(self, transport="udp")

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can reach it. Of names, only ``localhost`` counts
        (RFC 6761, section 6.3).
        """
        return _is_loopback(self.host)

    def overlaps(self, other: BindAddress, platform: str = sys.platform) -> bool:
        return (
            self.may_overlap(other)
            and isinstance(other, PortAddress)
            and _overlap(plain_host(self.host), plain_host(other.host), platform)
        )

    def may_overlap(self, other: BindAddress) -> bool:
        """See `BindAddress`. A free port collides with nothing."""
        return (
            isinstance(other, PortAddress)
            and (self.transport, self.port) == (other.transport, other.port)
            and bool(self.port)
        )

    def is_reached_by(self, target: BindAddress) -> bool:
        if not isinstance(target, PortAddress) or (target.transport, target.port) != (
            self.transport,
            self.port,
        ):
            return False
        here, there = self.host.lower(), target.host.lower()
        if _is_loopback(there) and here in (EVERY_IPV4, EVERY_ADDRESS, _HERE):
            return True
        return there == here or (there == _HERE and _is_loopback(here))

    def is_the_same_as(self, bound: BindAddress) -> bool:
        return self == bound


@dataclass(frozen=True)
class UnixAddress(BindAddress):
    """A unix socket's.

    Attributes:
        path: its file, absolute, or its abstract name (``@name`` or ``@@name``).
        datagrams: whether it receives datagrams.
    """

    path: str
    datagrams: bool = False

    def __str__(self) -> str:
        return f"unix:{self.path}"

    @property
    def sockaddr(self) -> bytes:
        """The address for the kernel."""
        return unix_sockaddr(self.path)

    def overlaps(self, other: BindAddress, platform: str = sys.platform) -> bool:
        return isinstance(other, UnixAddress) and self.sockaddr == other.sockaddr

    def may_overlap(self, other: BindAddress) -> bool:
        return self.overlaps(other)

    def is_reached_by(self, target: BindAddress) -> bool:
        return isinstance(target, UnixAddress) and (self.path, self.datagrams) == (
            target.path,
            target.datagrams,
        )

    def is_the_same_as(self, bound: BindAddress) -> bool:
        return (
            isinstance(bound, UnixAddress)
            and self.datagrams == bound.datagrams
            and _real(self) == _real(bound)
        )


@dataclass(frozen=True)
class VsockAddress(BindAddress):
    """An address of vsock, vsock(7).

    Attributes:
        cid: the machine's number; `ANY_CID` to listen at all that this one has.
        port: the port's number.
    """

    cid: int
    port: int

    def __str__(self) -> str:
        """As systemd writes it (systemd.socket(5)): without a cid it is any."""
        return f"vsock:{'' if self.cid == ANY_CID else self.cid}:{self.port}"

    @property
    def sockaddr(self) -> tuple[int, int]:
        """As Python gives it to the kernel."""
        return self.cid, self.port

    def overlaps(self, other: BindAddress, platform: str = sys.platform) -> bool:
        return (
            isinstance(other, VsockAddress)
            and self.port == other.port
            and (self.cid == other.cid or ANY_CID in (self.cid, other.cid))
        )

    def may_overlap(self, other: BindAddress) -> bool:
        return self.overlaps(other)

    def is_reached_by(self, target: BindAddress) -> bool:
        """See `BindAddress`. Which cid is this machine's own is not known here."""
        return (
            isinstance(target, VsockAddress)
            and self.port == target.port
            and (self.cid == target.cid or (self.cid, target.cid) == (ANY_CID, _LOCAL_CID))
        )

    def is_the_same_as(self, bound: BindAddress) -> bool:
        return self == bound


def bound_address(opened: socket.socket) -> BindAddress:
    """The address that a socket is bound to.

    Raises:
        OSError: the system does not say.
        ValueError: it is of an address family that nobody listens in here.
    """
    name = opened.getsockname()
    datagrams = opened.type == socket.SOCK_DGRAM
    if opened.family == getattr(socket, "AF_UNIX", None):
        return UnixAddress(_written(name), datagrams)
    if opened.family in (socket.AF_INET, socket.AF_INET6):
        host, port, *more = name
        return PortAddress(host, port, "udp" if datagrams else "tcp", more[1] if more else 0)
    if opened.family == getattr(socket, "AF_VSOCK", None):
        return VsockAddress(*name)
    message = getattr(opened.family, "name", f"address family {opened.family}")
    raise ValueError(message)


def _written(name: str | bytes) -> str:
    """A unix socket's name as a configuration writes it."""
    text = name if isinstance(name, str) else os.fsdecode(name)
    for marks in ("@@", "@"):
        written = f"{marks}{text[1:].rstrip(chr(0))}"
        if text.startswith("\0") and unix_sockaddr(written) == os.fsencode(text):
            return written
    return text


def _real(address: UnixAddress) -> bytes:
    # Two paths may lead to one file, such as /var/run and /run.
    name = address.sockaddr
    return name if name.startswith(b"\0") else os.path.realpath(name)


def _overlap(one: str, other: str, platform: str) -> bool:
    if one.lower() == other.lower():
        return True
    if EVERY_ADDRESS in (one, other):
        # Linux refuses a single address besides every address; other systems may prefer the more
        # specific one.
        return platform == "linux" or EVERY_IPV4 in (one, other)
    if EVERY_IPV4 in (one, other) and platform == "linux":
        return all(_is_ipv4(host) for host in (one, other))
    return False


def _is_ipv4(host: str) -> bool:
    try:
        return ip_address(host).version == 4
    except ValueError:
        return host.lower() == _HERE


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == _HERE
