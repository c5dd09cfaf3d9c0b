"""What every inbound can be told, whatever its type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pipetwist.values import Duration, FilePath, Tag

__all__ = ["InboundOptions", "TlsServerOptions"]


@dataclass(frozen=True, kw_only=True)
class InboundOptions:
    """The keys of every inbound."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "use_attribute_docstrings": True}

    tag: Tag
    """The inbound's name."""
    idle_timeout: Duration | None = None
    """Closes a connection that is open both ways after so long without a byte; without it never."""
    half_close_timeout: Duration = 300.0
    """Closes a connection of which one direction has ended after so long without a byte. ``"5m"`` where absent."""


@dataclass(frozen=True, kw_only=True)
class TlsServerOptions:
    """TLS of an inbound."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "use_attribute_docstrings": True}

    enabled: bool = True
    """Whether TLS is spoken."""
    certificate_path: FilePath
    """PEM file with the server's certificate, and its chain."""
    key_path: FilePath
    """PEM file with the certificate's private key."""
    client_certificate_path: FilePath | None = None
    """PEM file with a CA; clients must then present a certificate that it signed."""
