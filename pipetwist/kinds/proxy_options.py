"""The keys of the PROXY protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pipetwist.kinds.options import KindOptions
from pipetwist.values.trusted_proxies import DEFAULT_PROXIES, TrustedProxy

__all__ = ["ProxiedInboundOptions"]


@dataclass(frozen=True, kw_only=True)
class ProxiedInboundOptions(KindOptions):
    """The keys of inbounds whose clients may come by proxies that say who they are."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    proxy_protocol: bool = False
    """Reads a header of the PROXY protocol, version 1 or 2, before everything else, TLS too: its
    source is the client's address from then on. Without one a client is refused."""
    trusted_proxies: tuple[TrustedProxy, ...] = DEFAULT_PROXIES
    """Who may send a header: networks, ``"unix"``, ``"vsock"`` or ``"vsock:3"``. Others are
    refused. This machine where absent: ``["127.0.0.0/8", "::1", "unix"]``."""
    proxy_protocol_accept_no_header: bool = False
    """Takes clients without a header as well: one that is no trusted proxy, whose bytes are not
    looked at, and one that is, but begins with something else or is silent for 5 seconds."""
