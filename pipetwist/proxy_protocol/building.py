"""Builds headers."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import SocketKind

from proxyprotocol.result import ProxyResult, ProxyResultIPv4, ProxyResultIPv6, ProxyResultLocal
from proxyprotocol.tlv import ProxyProtocolTLV
from proxyprotocol.v1 import ProxyProtocolV1
from proxyprotocol.v2 import ProxyProtocolV2

from pipetwist.proxy_protocol.header import Named

__all__ = ["block_header", "line_header"]

_UNKNOWN_LINE = b"PROXY UNKNOWN\r\n"
_NO_TLVS: Mapping[int, bytes] = {}
_EMPTY = ProxyProtocolTLV()


def line_header(source: Named, destination: Named) -> bytes:
    """A header of version 1: UNKNOWN, unless both addresses are of IPv4 or IPv6.

    Args:
        source: the client's address.
        destination: the address that it connected to.
    """
    result = _result(source, destination)
    return _UNKNOWN_LINE if result is None else ProxyProtocolV1().pack(result)


def block_header(
    source: Named,
    destination: Named,
    kind: SocketKind = SocketKind.SOCK_STREAM,
    tlvs: Mapping[int, bytes] = _NO_TLVS,
) -> bytes:
    """A header of version 2: LOCAL, unless both addresses are of IPv4 or IPv6.

    Args:
        source: the client's address.
        destination: the address that it connected to.
        kind: streams or datagrams.
        tlvs: what else is said, by types.
    """
    tlv = ProxyProtocolTLV(init=tlvs)
    result = _result(source, destination, kind, tlv)
    return ProxyProtocolV2().pack(ProxyResultLocal(tlv=tlv) if result is None else result)


def _result(
    source: Named,
    destination: Named,
    kind: SocketKind | None = None,
    tlv: ProxyProtocolTLV = _EMPTY,
) -> ProxyResult | None:
    if not isinstance(source, tuple) or not isinstance(destination, tuple):
        return None
    try:
        near, far = _plain(source[0]), _plain(destination[0])
    except ValueError:  # some transport's own kind of address
        return None
    if isinstance(near, IPv4Address) and isinstance(far, IPv4Address):
        return ProxyResultIPv4((near, source[1]), (far, destination[1]), protocol=kind, tlv=tlv)
    return ProxyResultIPv6(
        (_mapped(near), source[1]), (_mapped(far), destination[1]), protocol=kind, tlv=tlv
    )


def _plain(host: str) -> IPv4Address | IPv6Address:
    return ip_address(host.partition("%")[0])  # an interface's name is of use on this machine alone


def _mapped(address: IPv4Address | IPv6Address) -> IPv6Address:
    """An address of one family in the other, RFC 4291, section 2.5.5.2."""
    return address if isinstance(address, IPv6Address) else IPv6Address(f"::ffff:{address}")
