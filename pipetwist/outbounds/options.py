"""What every outbound can be told, whatever its type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pipetwist.values import Duration, FilePath, Framing, Tag, Text

__all__ = ["OutboundOptions", "StreamOutboundOptions", "TlsClientOptions"]


@dataclass(frozen=True, kw_only=True)
class OutboundOptions:
    """The keys of every outbound."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "use_attribute_docstrings": True}

    tag: Tag
    """The outbound's name."""
    connect_timeout: Duration = 5.0
    """How long connecting may take. ``"5s"`` where absent."""


@dataclass(frozen=True, kw_only=True)
class StreamOutboundOptions(OutboundOptions):
    """The keys of every outbound that is a stream."""

    transfer: Literal["auto", "kernel", "stream"] | None = None
    """How bytes are moved: by the kernel, by Twisted's transports, or as it suits; as the whole configuration says where absent."""
    framing: Framing | None = None
    """``"rfc4571"`` to carry datagrams, each preceded by its length as two bytes, big-endian; bytes where absent."""


@dataclass(frozen=True, kw_only=True)
class TlsClientOptions:
    """TLS of an outbound."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "use_attribute_docstrings": True}

    enabled: bool = False
    """Whether TLS is spoken."""
    server_name: Text | None = None
    """The name that the server's certificate must have; the outbound's ``server`` where absent."""
    certificate_path: FilePath | None = None
    """PEM file with the CA that signed the server's certificate; the system's where absent."""
