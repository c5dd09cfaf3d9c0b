"""Whether somebody listens, asked of the kernel: a connection to find out would be one that the
relay carries.
"""

from __future__ import annotations

from pathlib import Path

from bench.places import TcpPlace, TlsPlace, UdpPlace, UnixPlace

__all__ = ["listens"]

_ACCEPTS_CONNECTIONS = 0x10000  # __SO_ACCEPTCON in the column Flags of /proc/net/unix
_TCP_LISTEN, _UDP_OPEN = "0A", "07"  # in the column st of /proc/net/tcp and /proc/net/udp


def listens(place: UnixPlace | TcpPlace | TlsPlace | UdpPlace) -> bool:
    """Whether somebody listens there.

    The kernel lists a unix socket by the name that it was bound to. HAProxy binds to a longer name
    and moves that file to the path, so a name that only begins with the path will do.
    """
    if isinstance(place, TcpPlace | TlsPlace):
        return any(
            _has(table, place.port, _TCP_LISTEN) for table in ("/proc/net/tcp", "/proc/net/tcp6")
        )
    if isinstance(place, UdpPlace):
        return any(
            _has(table, place.port, _UDP_OPEN) for table in ("/proc/net/udp", "/proc/net/udp6")
        )
    rows = (
        fields
        for fields in _rows("/proc/net/unix")
        if len(fields) == 8 and fields[7].startswith(str(place.path))
    )
    return place.path.exists() and any(int(fields[3], 16) & _ACCEPTS_CONNECTIONS for fields in rows)


def _has(table: str, port: int, state: str) -> bool:
    return any(
        fields[3] == state and int(fields[1].rpartition(":")[2], 16) == port
        for fields in _rows(table)
    )


def _rows(table: str) -> list[list[str]]:
    return [
        line.split(maxsplit=7)
        for line in Path(table)
        .read_text(encoding="utf-8", errors="surrogateescape")
        .splitlines()[1:]
    ]
