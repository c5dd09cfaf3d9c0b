"""The relays that are measured, each with one rate."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.processes import MeasureError

__all__ = ["RELAYS", "Limited"]

_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


class Limited(NamedTuple):
    """A relay that is limited.

    Attributes:
        name: its name.
        command: makes the words of its command, of a folder, the port that it listens on, the
            server's, and megabits a second.
        limits: whether it is limited; if not, it is fed at that rate.
    """

    name: str
    command: Callable[[Path, int, int, float], Sequence[str]]
    limits: bool = True


def _pipetwist(folder: Path, port: int, server: int, megabits: float) -> Sequence[str]:
    return _daemon(folder, port, server, {"limits": {"down_mbps": megabits}})


def _unlimited(folder: Path, port: int, server: int, megabits: float) -> Sequence[str]:
    return _daemon(folder, port, server, {})


def _daemon(folder: Path, port: int, server: int, keys: dict[str, object]) -> Sequence[str]:
    inbound = {"type": "tcp", "tag": "in", "listen": "127.0.0.1", "listen_port": port, **keys}
    outbound = {"type": "tcp", "tag": "out", "server": "127.0.0.1", "server_port": server}
    path = folder / "limited.json"
    path.write_text(json.dumps({"inbounds": [inbound], "outbounds": [outbound]}), encoding="utf-8")
    twistd = Path(sys.executable).parent / "twistd"
    return [str(twistd), "--nodaemon", "--pidfile=", "pipetwist", "--config", str(path)]


def _nginx(folder: Path, port: int, server: int, megabits: float) -> Sequence[str]:
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if nginx is None or not _MODULE.exists():
        message = "nginx with libnginx-mod-stream is not installed"
        raise MeasureError(message)
    path = folder / "nginx.conf"
    path.write_text(
        f"load_module {_MODULE}; daemon off; master_process off; pid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log;\nevents {{}}\nstream {{ server {{\n"
        f"listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{server};\n"
        f"proxy_download_rate {round(megabits * 125_000)}; }} }}\n",
        encoding="utf-8",
    )
    return [nginx, "-c", str(path), "-p", str(folder)]


RELAYS = (
    Limited("pipetwist", _pipetwist),
    Limited("nginx", _nginx),
    Limited("pipetwist without a limit, fed at that rate", _unlimited, limits=False),
)
"""What is measured."""
