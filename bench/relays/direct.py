"""No relay: the client connects to the server. It shows what the load generator and the kernel can
do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.places import Kind, Route

__all__ = ["Direct"]


class Direct:
    """No relay."""

    name = "direct"
    kinds = frozenset({Kind.UNIX, Kind.TCP, Kind.TLS_RSA, Kind.TLS_ECDSA, Kind.UDP})

    def missing(self) -> str | None:
        """It is always there."""
        return None

    def version(self) -> str:
        """It has none."""
        return ""

    def command(self, route: Route, folder: Path) -> Sequence[str]:
        """There is nothing to start."""
        return ()
