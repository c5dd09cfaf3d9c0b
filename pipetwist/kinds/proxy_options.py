"""The keys of the PROXY protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from pipetwist.kinds.options import KindOptions
from pipetwist.values.proxy_version import DatagramProxyVersion, ProxyVersion
from pipetwist.values.trusted_proxies import DEFAULT_PROXIES, TrustedProxy

__all__ = ["ProxiedDatagramOptions", "ProxiedInboundOptions", "ProxiedOutboundOptions"]


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

    def notes(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        if not self.proxy_protocol:
            for key, usual in (
                ("trusted_proxies", DEFAULT_PROXIES),
                ("proxy_protocol_accept_no_header", False),
            ):
                if getattr(self, key) != usual:
                    yield (key,), 'no header is read without "proxy_protocol": true'
        yield from super().notes()


@dataclass(frozen=True, kw_only=True)
class ProxiedOutboundOptions(KindOptions):
    """The keys of outbounds that say who the client is."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    proxy_protocol: ProxyVersion | None = None
    """The version of the header of the PROXY protocol that begins each connection, before TLS, and
    names the client's address; none where absent."""
    proxy_protocol_tlvs: bool = False
    """Says more in a header of version 2: the user's name, the connection's number, and what the
    client's TLS and certificate are."""

    def __post_init__(self) -> None:
        """Refuse what version 1 has no room for."""
        if self.proxy_protocol_tlvs and self.proxy_protocol != 2:
            message = 'proxy_protocol_tlvs needs "proxy_protocol": 2; version 1 has no TLVs'
            raise ValueError(message)
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class ProxiedDatagramOptions(KindOptions):
    """The keys of outbounds of datagrams that say who the client is."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    proxy_protocol: DatagramProxyVersion | None = None
    """``2`` for a header of the PROXY protocol, version 2, before each datagram, which names the
    client's address; none where absent. Answers are taken without one."""
    proxy_protocol_tlvs: bool = False
    """Says more in it: the user's name, and the association's number."""
