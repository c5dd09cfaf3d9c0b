"""The relays that are measured, each with one rate."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.processes import MeasureError

__all__ = ["LIMITED", "RELAYS", "UNLIMITED", "Limited", "free_port", "twistd"]

_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


class Limited(NamedTuple):
    """A relay that is limited.

    Attributes:
        name: its name.
        command: makes the words of its command, of a folder, the port that it listens on, the
            server's, and megabits a second.
        limits: whether it is limited; if not, it is fed at that rate.
        local: whether it connects unix sockets, ``in.sock`` and ``out.sock`` in the folder, and not
            ports.
    """

    name: str
    command: Callable[[Path, int, int, float], Sequence[str]]
    limits: bool = True
    local: bool = False


def _pipetwist(folder: Path, port: int, server: int, megabits: float) -> Sequence[str]:
    return _daemon(folder, port, server, {"limits": {"down_mbps": megabits}})


def _unlimited(folder: Path, port: int, server: int, megabits: float) -> Sequence[str]:
    return _daemon(folder, port, server, {})


def _local(folder: Path, port: int, server: int, megabits: float) -> Sequence[str]:
    return _local_daemon(folder, {"limits": {"down_mbps": megabits}})


def _unlimited_local(folder: Path, port: int, server: int, megabits: float) -> Sequence[str]:
    return _local_daemon(folder, {})


def _local_daemon(folder: Path, keys: dict[str, object]) -> Sequence[str]:
    inbound = {"type": "unix", "tag": "in", "path": "in.sock", **keys}
    outbound = {"type": "unix", "tag": "out", "path": "out.sock"}
    return twistd(folder, {"inbounds": [inbound], "outbounds": [outbound]})


def _daemon(folder: Path, port: int, server: int, keys: dict[str, object]) -> Sequence[str]:
    inbound = {"type": "tcp", "tag": "in", "listen": "127.0.0.1", "listen_port": port, **keys}
    outbound = {"type": "tcp", "tag": "out", "server": "127.0.0.1", "server_port": server}
    return twistd(folder, {"inbounds": [inbound], "outbounds": [outbound]})


def twistd(folder: Path, document: Mapping[str, object]) -> list[str]:
    """The words of the command that runs a daemon with this configuration."""
    path = folder / "limited.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    command = Path(sys.executable).parent / "twistd"
    return [str(command), "--nodaemon", "--pidfile=", "pipetwist", "--config", str(path)]


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


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
# Over TCP the kernel does a part of the sender's work while the relay reads, and it would count as
# the relay's.
LIMITED = Limited("limited", _local, local=True)
"""What a limit costs is measured of this one."""
UNLIMITED = Limited("unlimited", _unlimited_local, limits=False, local=True)
"""And compared with this one."""
