"""V2Ray: an inbound ``dokodemo-door`` that leads to an outbound ``freedom``, over TCP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bench.places import Kind, Route, TcpPlace
from bench.relays.relay import first_version_in, not_installed

__all__ = ["V2Ray"]


class V2Ray:
    """V2Ray."""

    name = "v2ray"
    kinds = frozenset({Kind.TCP})

    def missing(self) -> str | None:
        """Whether it is installed."""
        return not_installed("v2ray", "v2ray")

    def version(self) -> str:
        """What it says."""
        return first_version_in("v2ray", "-version")

    def command(self, route: Route, folder: Path) -> Sequence[str]:
        """One process in the foreground."""
        if not isinstance(route.listen, TcpPlace) or not isinstance(route.target, TcpPlace):
            message = "V2Ray is measured over TCP only"
            raise TypeError(message)
        document = {
            "log": {"access": "none", "loglevel": "error"},
            "inbounds": [
                {
                    "listen": "127.0.0.1",
                    "port": route.listen.port,
                    "protocol": "dokodemo-door",
                    "settings": {
                        "address": "127.0.0.1",
                        "port": route.target.port,
                        "network": "tcp",
                    },
                }
            ],
            "outbounds": [{"protocol": "freedom", "settings": {}}],
        }
        path = folder / "v2ray.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return ("v2ray", "-config", str(path))
