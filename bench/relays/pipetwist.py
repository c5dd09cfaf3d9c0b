"""pipetwist itself, from this checkout or another, in its variants.

Its log is at the level warn, but for the variants that are measured because of it: the peers keep
no line for each connection either.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.places import UDP_SECONDS, Command, Kind, Route, TcpPlace, TlsPlace, UdpPlace
from pipetwist import __version__

__all__ = ["Pipetwist"]

_TWISTD = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from twisted.scripts.twistd import run; run()"
)
# The shell becomes the relay; what reads the pipe is a child of its.
_THROUGH_A_PIPE = ("bash", "-c", 'exec "$0" "$@" > >(exec cat > piped.log)')
_ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Pipetwist:
    """pipetwist.

    Args:
        name: what the variant is called.
        kinds: what it is measured with.
        counting: whether the inbound and the outbound are counted.
        store: whether their counters are in a file.
        transfer: the configuration's key of that name; the default where None.
        prefork: how many commands wait ready; none where 0.
        log: what the configuration says of the log.
        piped: whether the log goes through a pipe, as a container's does, and not into a file.
        checkout: where its code is.
    """

    name: str = "pipetwist"
    kinds: frozenset[Kind] = frozenset(Kind)
    counting: bool = False
    store: bool = False
    transfer: str | None = None
    prefork: int = 0
    log: tuple[tuple[str, str], ...] = (("level", "warn"),)
    piped: bool = False
    checkout: Path = _ROOT

    def missing(self) -> str | None:
        """It is always there."""
        return None

    def version(self) -> str:
        """The version, and the Python and Twisted that it runs on."""
        from twisted import __version__ as twisted

        return f"{__version__} on Python {sys.version.split()[0]} and Twisted {twisted}"

    def command(self, route: Route, folder: Path) -> Sequence[str]:
        """Twistd in the foreground."""
        path = folder / "pipetwist.json"
        path.write_text(json.dumps(self._configuration(route)), encoding="utf-8")
        return (
            *(_THROUGH_A_PIPE if self.piped else ()),
            sys.executable,
            "-c",
            _TWISTD,
            str(self.checkout),
            "--nodaemon",
            "--pidfile=",
            "pipetwist",
            "--config",
            str(path),
        )

    def _configuration(self, route: Route) -> dict[str, Any]:
        document: dict[str, Any] = {
            "log": dict(self.log),
            "inbounds": [_inbound(route)],
            "outbounds": [self._outbound(route)],
        }
        if self.transfer is not None:
            document["transfer"] = self.transfer
        if self.counting:
            stats: dict[str, Any] = {"enabled": True, "inbounds": ["in"], "outbounds": ["out"]}
            document["experimental"] = {
                "v2ray_api": {"stats": stats | ({"store": "counters.db"} if self.store else {})}
            }
        return document

    def _outbound(self, route: Route) -> dict[str, Any]:
        match route.target:
            case Command(words):
                return {"type": "fork", "tag": "out", "command": words} | (
                    {"prefork": self.prefork} if self.prefork else {}
                )
            case TcpPlace(port):
                return {"type": "tcp", "tag": "out", "server": "127.0.0.1", "server_port": port}
            case UdpPlace(port):
                return {"type": "udp", "tag": "out", "server": "127.0.0.1", "server_port": port}
            case place:
                return {"type": "unix", "tag": "out", "path": os.fspath(place.path)}


def _inbound(route: Route) -> dict[str, Any]:
    match route.listen:
        case TcpPlace(port):
            return {"type": "tcp", "tag": "in", "listen_port": port}
        case TlsPlace(port, pem):
            tls = {"certificate_path": str(pem), "key_path": str(pem)}
            return {"type": "tcp", "tag": "in", "listen_port": port, "tls": tls}
        case UdpPlace(port):
            return {
                "type": "udp",
                "tag": "in",
                "listen_port": port,
                "udp_timeout": f"{UDP_SECONDS}s",
            }
        case place:
            return {"type": "unix", "tag": "in", "path": os.fspath(place.path)}
