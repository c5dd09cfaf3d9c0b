"""What a proxy is asked for, and who asks."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from pipetwist.values.addresses import shown_address

__all__ = ["Credentials", "Target"]

_MAX_NAME_BYTES = 255
_NAME = re.compile(rb"[!-~]+")


class Target(NamedTuple):
    """The server that a proxy is to connect.

    Attributes:
        host: its name, which the proxy resolves, or its address.
        port: its port.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return shown_address(self.host, self.port)

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The host's address; None if it is a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def name(self) -> bytes:
        """The host as a name, an international one as DNS has it (RFC 5890).

        Raises:
            ValueError: it is no name, is too long, or an address with an interface, which means
                nothing to a proxy.
        """
        if "%" in self.host:
            message = f"{self.host}: a proxy can't be told an interface; leave out what follows %"
            raise ValueError(message)
        try:
            name = self.host.encode("ascii" if self.host.isascii() else "idna")
        except UnicodeError as error:
            message = f"{self.host} is no name of a host: {error}"
            raise ValueError(message) from None
        if not _NAME.fullmatch(name):
            message = f"{self.host!r} is no name of a host"
            raise ValueError(message)
        if len(name) > _MAX_NAME_BYTES:
            message = f"a host's name has at most {_MAX_NAME_BYTES} bytes, and this has {len(name)}"
            raise ValueError(message)
        return name


class Credentials(NamedTuple):
    """Who asks.

    Attributes:
        username: of at least one byte.
        password: may be empty.
    """

    username: bytes
    password: bytes

    def __repr__(self) -> str:
        return f"<Credentials of {self.username!r}>"
