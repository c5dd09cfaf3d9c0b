"""HAProxy with one thread, which splices where it finds that worth it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.places import Command, Kind, Route, TcpPlace, TlsPlace, UdpPlace, UnixPlace
from bench.relays.relay import first_version_in, not_installed

__all__ = ["HAProxy"]

_CONFIGURATION = """\
global
    nbthread 1
    maxconn 5000

defaults
    mode tcp
    option splice-auto
    timeout connect 5s
    timeout client 10m
    timeout server 10m

listen relay
    bind {listen}
    server target {target}
"""


class HAProxy:
    """HAProxy."""

    name = "haproxy"
    kinds = frozenset({Kind.UNIX, Kind.TCP, Kind.TLS_RSA, Kind.TLS_ECDSA})

    def missing(self) -> str | None:
        """Whether it is installed."""
        return not_installed("haproxy", "haproxy")

    def version(self) -> str:
        """What it says."""
        return first_version_in("haproxy", "-v")

    def command(self, route: Route, folder: Path) -> Sequence[str]:
        """One process in the foreground."""
        path = folder / "haproxy.cfg"
        path.write_text(
            _CONFIGURATION.format(listen=_address(route.listen), target=_address(route.target)),
            encoding="utf-8",
        )
        return ("haproxy", "-db", "-f", str(path))


def _address(place: UnixPlace | TcpPlace | TlsPlace | UdpPlace | Command) -> str:
    if isinstance(place, TlsPlace):
        return f"127.0.0.1:{place.port} ssl crt {place.pem}"
    return f"127.0.0.1:{place.port}" if isinstance(place, TcpPlace) else f"unix@{place}"
