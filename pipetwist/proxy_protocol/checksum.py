"""CRC32C, RFC 3720, appendix B.4."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["crc32c"]

_POLYNOMIAL = 0x82F63B78
_ALL = 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """The checksum of these bytes."""
    table, crc = _table(), _ALL
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ _ALL


@lru_cache(maxsize=1)
def _table() -> tuple[int, ...]:
    return tuple(map(_of_byte, range(256)))


def _of_byte(crc: int) -> int:
    for _ in range(8):
        crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc
