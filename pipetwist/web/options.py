"""What a configuration says about the HTTP listener: its block ``metrics``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pipetwist.values.listen import HostName, TcpListenAddress
from pipetwist.values.tls_options import TlsListenerOptions, in_use

__all__ = ["WebOptions", "WebTlsOptions"]


@dataclass(frozen=True, kw_only=True)
class WebTlsOptions(TlsListenerOptions):
    """TLS of the HTTP listener."""


@dataclass(frozen=True, kw_only=True)
class WebOptions:
    """The HTTP listener that serves ``/metrics``."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    listen: TcpListenAddress
    """``host:port``."""
    insecure: bool = False
    """Allows an address that is not loopback without TLS."""
    tls: WebTlsOptions | None = None
    """TLS; without it the bytes are plain."""
    hosts: tuple[HostName, ...] = ()
    """Names that it may be asked by, beside ``localhost``, the host it listens on, and
    addresses.
    """

    @property
    def spoken_tls(self) -> WebTlsOptions | None:
        """Its TLS; None if it speaks none."""
        return in_use(self.tls)
