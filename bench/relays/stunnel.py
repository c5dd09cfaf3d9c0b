"""Stunnel, with a thread for each connection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.places import Kind, Route, TcpPlace, TlsPlace
from bench.relays.relay import first_version_in, not_installed

__all__ = ["Stunnel"]

_CONFIGURATION = """\
foreground = yes
pid =
debug = err

[relay]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{target}
cert = {pem}
"""


class Stunnel:
    """Stunnel."""

    name = "stunnel"
    kinds = frozenset({Kind.TLS_RSA, Kind.TLS_ECDSA})

    def missing(self) -> str | None:
        """Whether it is installed."""
        return not_installed("stunnel4", "stunnel4")

    def version(self) -> str:
        """What it says."""
        return first_version_in("stunnel4", "-version")

    def command(self, route: Route, folder: Path) -> Sequence[str]:
        """One process in the foreground."""
        if not isinstance(route.listen, TlsPlace) or not isinstance(route.target, TcpPlace):
            message = "stunnel is measured from TLS to TCP only"
            raise TypeError(message)
        path = folder / "stunnel.conf"
        listen, target = route.listen, route.target
        path.write_text(
            _CONFIGURATION.format(port=listen.port, target=target.port, pem=listen.pem),
            encoding="utf-8",
        )
        return ("stunnel4", str(path))
