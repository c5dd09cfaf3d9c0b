"""The TLVs of version 2: a type of one byte, a length of two, and the value."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from pipetwist.proxy_protocol.checksum import crc32c
from pipetwist.proxy_protocol.header import HeaderError

__all__ = ["CRC32C", "check_crc32c", "unpack_tlvs"]

CRC32C = 0x03
"""PP2_TYPE_CRC32C."""

_HEAD = Struct("!BH")
_SUM = Struct("!L")


def unpack_tlvs(block: bytes, begin: int) -> Iterator[tuple[int, int, bytes]]:
    """The TLVs at the end of a header.

    Args:
        block: the header.
        begin: where the first of them is.

    Yields:
        The type of each, where its value begins, and the value.

    Raises:
        HeaderError: one is longer than the header.
    """
    while begin < len(block):
        if len(block) - begin < _HEAD.size:
            message = "its last TLV is cut off"
            raise HeaderError(message)
        kind, size = _HEAD.unpack_from(block, begin)
        begin += _HEAD.size
        if size > len(block) - begin:
            message = f"its TLV {kind:#04x} is longer than the header"
            raise HeaderError(message)
        yield kind, begin, block[begin : begin + size]
        begin += size


def check_crc32c(block: bytes, begin: int, value: bytes) -> None:
    """Check a header's checksum, which was computed with zeros in its own place.

    Args:
        block: the header.
        begin: where the checksum is.
        value: the checksum.

    Raises:
        HeaderError: it is wrong.
    """
    zeroed = block[:begin] + bytes(len(value)) + block[begin + len(value) :]
    if len(value) != _SUM.size or crc32c(zeroed) != _SUM.unpack(value)[0]:
        message = "its checksum (CRC32C) is wrong"
        raise HeaderError(message)
