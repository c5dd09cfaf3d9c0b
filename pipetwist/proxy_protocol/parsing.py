"""Reads whole headers."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

from proxyprotocol.result import ProxyResult, is_ipv4, is_ipv6
from proxyprotocol.v1 import ProxyProtocolV1
from proxyprotocol.v2 import ProxyProtocolV2

from pipetwist.proxy_protocol.header import Header, HeaderError
from pipetwist.proxy_protocol.tlvs import CRC32C, check_crc32c, unpack_tlvs

__all__ = ["FIXED_BYTES", "block_bytes", "parse_block", "parse_line"]

FIXED_BYTES = 16
"""What each header of version 2 begins with: the signature, three numbers, and a length."""

# The package takes a sign, underscores, blanks and an interface's name.
_LINE = re.compile(
    rb"PROXY TCP(?:4(?: [0-9.]{7,15}){2}|6(?: [0-9A-Fa-f:.]{2,45}){2})(?: \d{1,5}){2}\r\n"
)
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?\r\n")

_LOCAL, _PROXY = 0x20, 0x21
_COMMAND, _FAMILY, _LENGTH = 12, 13, slice(14, 16)
_UNIX = 0x30
# How long the two addresses of a family are together.
_ADDRESS_BYTES = {0x00: 0, 0x10: 12, 0x20: 36, _UNIX: 216}
_PATH_BYTES = 108
_MAX_TRANSPORT = 2  # datagrams; 1 is a stream, and 0 is neither


def parse_line(line: bytes) -> Header:
    """Read a header of version 1.

    Args:
        line: all of it, with the CRLF at its end.

    Raises:
        HeaderError: it is none.
    """
    if _UNKNOWN.fullmatch(line):  # what else is in it is to be ignored
        return Header(1)
    if not _LINE.fullmatch(line):
        message = f"{line[:60]!r} is no line of the PROXY protocol"
        raise HeaderError(message)
    try:
        result = ProxyProtocolV1().unpack_line(line)
    except ValueError as error:
        message = f"{error} is no address"
        raise HeaderError(message) from error
    return _header(1, result)


def block_bytes(fixed: bytes) -> int:
    """How many bytes of a header of version 2 follow the `FIXED_BYTES`.

    Args:
        fixed: those.

    Raises:
        HeaderError: they are of no version or command that there is.
    """
    if fixed[_COMMAND] not in (_LOCAL, _PROXY):
        message = f"it has version and command {fixed[_COMMAND]:#04x}, which there are not"
        raise HeaderError(message)
    return int.from_bytes(fixed[_LENGTH], "big")


def parse_block(block: bytes) -> Header:
    """Read a header of version 2.

    Args:
        block: all of it, whose first bytes `block_bytes` has taken.

    Raises:
        HeaderError: it is none.
    """
    if block[_COMMAND] == _LOCAL:  # whatever follows is to be ignored, the family too
        return Header(2)
    family, transport = block[_FAMILY] & 0xF0, block[_FAMILY] & 0x0F
    size = _ADDRESS_BYTES.get(family)
    if size is None or transport > _MAX_TRANSPORT:
        message = f"it has family and transport {block[_FAMILY]:#04x}, which there are not"
        raise HeaderError(message)
    if bool(family) is not bool(transport):
        return Header(2)
    if len(block) - FIXED_BYTES < size:
        message = "it is too short for its addresses"
        raise HeaderError(message)
    found = []
    for kind, begin, value in unpack_tlvs(block, FIXED_BYTES + size):
        if kind == CRC32C:
            check_crc32c(block, begin, value)
        found.append((kind, value))
    tlvs = tuple(found)
    if not family:
        return Header(2, tlvs=tlvs)
    addresses = block[FIXED_BYTES : FIXED_BYTES + size]
    if family == _UNIX:  # the package takes ASCII alone
        paths = addresses[:_PATH_BYTES], addresses[_PATH_BYTES:]
        source, destination = (path.rstrip(b"\0") for path in paths)
        return Header(2, source, destination, tlvs)
    protocol, fixed = ProxyProtocolV2(), block[:FIXED_BYTES]
    result = protocol.unpack_data(protocol.unpack_header(fixed), fixed, addresses)
    return _header(2, result, tlvs)


def _header(version: int, result: ProxyResult, tlvs: tuple[tuple[int, bytes], ...] = ()) -> Header:
    if not (is_ipv4(result) or is_ipv6(result)):  # it is, which type checkers do not know
        raise AssertionError(result)
    return Header(version, _address(result.source), _address(result.dest), tlvs)


def _address(address: tuple[IPv4Address | IPv6Address, int]) -> tuple[str, int]:
    host, port = address
    mapped = host.ipv4_mapped if isinstance(host, IPv6Address) else None
    return str(mapped or host), port
