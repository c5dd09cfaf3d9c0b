"""Socat with a process for each connection, and buffers of 64 KiB (its own are 8 KiB)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.places import UDP_SECONDS, Command, Kind, Route, TcpPlace, TlsPlace, UdpPlace, UnixPlace
from bench.relays.relay import first_version_in, not_installed

__all__ = ["Socat"]


class Socat:
    """Socat."""

    name = "socat"
    kinds = frozenset(Kind) - {Kind.TLS_RSA, Kind.TLS_ECDSA}

    def missing(self) -> str | None:
        """Whether it is installed."""
        return not_installed("socat", "socat")

    def version(self) -> str:
        """What it says."""
        return first_version_in("socat", "-V")

    def command(self, route: Route, folder: Path) -> Sequence[str]:
        """The parent that accepts; its backlog is not its own 5, or clients would wait for that."""
        if isinstance(route.listen, UdpPlace):
            listen = f"UDP-LISTEN:{route.listen.port},bind=127.0.0.1,reuseaddr,fork"
            return ("socat", "-b", "65536", "-T", str(UDP_SECONDS), listen, _target(route.target))
        if isinstance(route.listen, TlsPlace):
            message = "socat is measured without TLS only"
            raise TypeError(message)
        return (
            "socat",
            "-b",
            "65536",
            f"{_listen(route.listen)},fork,backlog=1024",
            _target(route.target),
        )


def _listen(place: UnixPlace | TcpPlace) -> str:
    return (
        f"TCP-LISTEN:{place.port},bind=127.0.0.1,reuseaddr"
        if isinstance(place, TcpPlace)
        else f"UNIX-LISTEN:{place}"
    )


def _target(place: UnixPlace | TcpPlace | UdpPlace | Command) -> str:
    match place:
        case Command(words):
            return f"EXEC:{' '.join(words)}"
        case TcpPlace(port):
            return f"TCP:127.0.0.1:{port}"
        case UdpPlace(port):
            return f"UDP:127.0.0.1:{port}"
        case _:
            return f"UNIX-CONNECT:{place}"
