"""The files of a TLS server, as every listener names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pipetwist.values.paths import FilePath

__all__ = ["TlsFiles"]


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """Certificate and key, and whose certificates clients need."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    certificate_path: FilePath
    """PEM file with the server's certificate, and its chain."""
    key_path: FilePath
    """PEM file with the certificate's private key."""
    client_certificate_path: FilePath | None = None
    """PEM file with a CA; clients must then present a certificate that it signed."""
