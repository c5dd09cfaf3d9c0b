"""The proxy that an outbound reaches its server by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pipetwist.socks.handshake import ProxyHandshake
from pipetwist.socks.http_connect import HttpConnect
from pipetwist.socks.socks4 import Socks4
from pipetwist.socks.socks5 import Socks5
from pipetwist.socks.target import Credentials, Target
from pipetwist.values import Host, ServerPort, Text
from pipetwist.values.addresses import shown_address
from pipetwist.values.bind_address import PortAddress

__all__ = ["ViaOptions"]


@dataclass(frozen=True, kw_only=True)
class ViaOptions:
    """A proxy, which connects the server. The keys are those of sing-box's outbounds ``socks`` and
    ``http``.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    type: Literal["socks", "http"]
    """``socks``, or ``http`` for one that knows the method CONNECT."""
    server: Host
    """The proxy's name or address."""
    server_port: ServerPort
    """The proxy's port."""
    version: Literal["4", "4a", "5"] | None = None
    """The version of SOCKS. ``"5"`` where absent."""
    username: Text | None = None
    """Who the proxy is told that asks. Nobody where absent."""
    password: Text | None = field(default=None, repr=False)
    """The user's password."""

    def __post_init__(self) -> None:
        """Refuse keys that the proxy's protocol has no room for."""
        if self.type == "http" and self.version is not None:
            message = "an http proxy has no version; leave it out"
            raise ValueError(message)
        if self.password is not None and self.username is None:
            message = "there is a password without a username"
            raise ValueError(message)
        if self.password is not None and self.version in ("4", "4a"):
            message = "SOCKS 4 has no password; leave it out, or use version 5"
            raise ValueError(message)
        # The credentials are refused here, and not with the outbound's server.
        self.handshake(Target("192.0.2.1", 1))

    @property
    def address(self) -> PortAddress:
        """Where the proxy is."""
        return PortAddress(self.server, self.server_port)

    @property
    def shown(self) -> str:
        """The proxy, for people."""
        return f"via {shown_address(self.server, self.server_port)}"

    def handshake(self, target: Target) -> ProxyHandshake:
        """A new handshake with the proxy.

        Args:
            target: the server.

        Raises:
            ValueError: the proxy can't be told this server; the text is for people.
        """
        username = (self.username or "").encode()
        if self.version in ("4", "4a"):
            return Socks4(target, username, names=self.version == "4a")
        credentials = Credentials(username, (self.password or "").encode()) if username else None
        if self.type == "http":
            return HttpConnect(target, credentials)
        return Socks5(target, credentials)
