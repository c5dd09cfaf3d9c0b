"""Ncat, which forks and starts a command for each connection: a second ncat where it is to lead to
a socket.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.places import Command, Kind, Route, TcpPlace, TlsPlace, UdpPlace, UnixPlace
from bench.relays.relay import first_version_in, not_installed

__all__ = ["Ncat"]


class Ncat:
    """Ncat."""

    name = "ncat"
    kinds = frozenset({Kind.UNIX, Kind.TCP, Kind.CAT, Kind.COMMAND})

    def missing(self) -> str | None:
        """Whether it is installed."""
        return not_installed("ncat", "ncat")

    def version(self) -> str:
        """What it says."""
        return first_version_in("ncat", "--version")

    def command(self, route: Route, folder: Path) -> Sequence[str]:
        """The parent that accepts."""
        if isinstance(route.listen, TlsPlace):
            message = "ncat is measured without TLS only"
            raise TypeError(message)
        words = (
            route.target.words
            if isinstance(route.target, Command)
            else (shutil.which("ncat") or "ncat", *_address(route.target))
        )
        return (
            "ncat",
            "--listen",
            "--keep-open",
            "--max-conns",
            "1000",
            *_address(route.listen),
            "--exec",
            " ".join(words),
        )


def _address(place: UnixPlace | TcpPlace | UdpPlace) -> tuple[str, ...]:
    return (
        ("127.0.0.1", str(place.port))
        if isinstance(place, TcpPlace)
        else ("--unixsock", str(place))
    )
