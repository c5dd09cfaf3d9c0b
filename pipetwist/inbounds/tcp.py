"""The inbound ``tcp``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pipetwist.inbounds.options import InboundOptions, TlsServerOptions
from pipetwist.values import Port, Text, UserName

__all__ = ["CertificateUserOptions", "TcpInbound", "TcpInboundOptions"]


@dataclass(frozen=True, kw_only=True)
class CertificateUserOptions:
    """Who a peer is, by its certificate."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "use_attribute_docstrings": True}

    name: UserName
    """The user's name."""
    certificate_name: Text
    """The common name of the certificate's subject."""


@dataclass(frozen=True, kw_only=True)
class TcpInboundOptions(InboundOptions):
    """An inbound on a TCP port."""

    type: Literal["tcp"] = "tcp"
    """Always ``tcp``."""
    listen: Text = "127.0.0.1"
    """The address to listen on. ``"127.0.0.1"`` where absent."""
    listen_port: Port
    """The port to listen on; 0 takes a free one."""
    tls: TlsServerOptions | None = None
    """TLS; without it the bytes are plain."""
    users: tuple[CertificateUserOptions, ...] = ()
    """Who may connect, by the certificate. Without it everybody may, as no user."""

    def __post_init__(self) -> None:
        """Refuse users without a certificate to know them by."""
        if self.users and (self.tls is None or not self.tls.enabled or self.tls.client_certificate_path is None):
            message = "users are known by their certificates, which needs tls with a client_certificate_path"
            raise ValueError(message)


class TcpInbound:
    """Stand-in until the next step."""

    Options: ClassVar[type[InboundOptions]] = TcpInboundOptions
