"""Headers as other programs send them, made here byte by byte."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

from pipetwist.proxy_protocol.checksum import crc32c

__all__ = ["SIGNATURE", "block", "ipv4", "ipv6", "summed", "tlv"]

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def block(command: int, family: int, rest: bytes) -> bytes:
    """A header of version 2."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(rest)) + rest


def tlv(kind: int, value: bytes) -> bytes:
    """A TLV."""
    return struct.pack("!BH", kind, len(value)) + value


def ipv4(source: str, destination: str, source_port: int, destination_port: int) -> bytes:
    """Two addresses of IPv4."""
    return (
        socket.inet_aton(source)
        + socket.inet_aton(destination)
        + struct.pack("!HH", source_port, destination_port)
    )


def ipv6(source: str, destination: str, source_port: int, destination_port: int) -> bytes:
    """Two addresses of IPv6."""
    packed = (socket.inet_pton(socket.AF_INET6, address) for address in (source, destination))
    return b"".join(packed) + struct.pack("!HH", source_port, destination_port)


def summed(family: int, addresses: bytes, tlvs: Iterable[bytes] = ()) -> bytes:
    """A header with a checksum before its other TLVs, as HAProxy writes it."""
    rest = tlv(3, bytes(4)), *tlvs
    header = block(0x21, family, addresses + b"".join(rest))
    begin = len(SIGNATURE) + 4 + len(addresses) + 3
    return header[:begin] + struct.pack("!L", crc32c(header)) + header[begin + 4 :]
