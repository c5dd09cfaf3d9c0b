"""Takes the 99th percentile of a round trip through a daemon with 10,000 counters while its figures
are read: ``python -m bench.attacks``.

The daemon has one processor, and the attackers have another.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.attacks.attacker import ATTACKS
from bench.generator import build, load
from bench.processes import Program

_ROOT = Path(__file__).parent.parent.parent
_USERS = 5000  # with two counters each


class Attacked:
    """A daemon.

    Args:
        folder: its own.
        root: the checkout that is to run.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.ports = {name: _free_port() for name in ("metrics", "api")}
        known = {
            "type": "unix",
            "users": [
                {"name": f"user-{number}", "uid": 100_000 + number} for number in range(_USERS)
            ],
        }
        stats = {"enabled": True, "users": [f"user-{number}" for number in range(_USERS)]}
        configuration = {
            "log": {"level": "warn"},
            "inbounds": [
                {"type": "unix", "tag": "in", "path": "in.sock"},
                {**known, "tag": "users", "path": "users.sock"},
            ],
            "outbounds": [{"type": "unix", "tag": "out", "path": "out.sock"}],
            "experimental": {
                "v2ray_api": {"listen": f"127.0.0.1:{self.ports['api']}", "stats": stats}
            },
            "metrics": {"listen": f"127.0.0.1:{self.ports['metrics']}"},
        }
        (folder / "pipetwist.json").write_text(json.dumps(configuration), encoding="utf-8")
        twistd = [
            sys.executable,
            "-c",
            "from twisted.scripts.twistd import run; run()",
            "-n",
            "--pidfile=",
            "pipetwist",
        ]
        on = ["env", f"PYTHONPATH={root}", "taskset", "--cpu-list", str(_processors()[0])]
        self.program = Program([*on, *twistd, "--config", "pipetwist.json"], folder)
        self.program.wait_until(lambda: all(map(_listens, self.ports.values())), "listen")

    def p99(self, seconds: float) -> float:
        """Milliseconds that all but one in a hundred round trips take at most."""
        answer = load("trips", self.folder / "in.sock", self.folder / "out.sock", seconds)
        return float(answer["p99_us"]) / 1000


@contextmanager
def attacked_by(name: str, ports: dict[str, int]) -> Iterator[None]:
    """An attack, in a process of its own."""
    port = ports[ATTACKS[name][2]]
    command = [
        "taskset",
        "--cpu-list",
        str(_processors()[-1]),
        sys.executable,
        "-m",
        "bench.attacks.attacker",
        name,
        str(port),
    ]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.stdin.close()


def main(words: Sequence[str] | None = None) -> None:
    """Print a line for each attack."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.attacks", description=__doc__.partition("\n")[0] if __doc__ else None
    )
    parser.add_argument("--only", choices=ATTACKS, action="append", help="this attack alone")
    parser.add_argument("--runs", type=int, default=5, help="how many of each (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each run takes (3)")
    parser.add_argument(
        "--root",
        type=Path,
        default=_ROOT,
        help="the checkout that is attacked; this one where absent",
    )
    given = parser.parse_args(words)
    build()
    folder = Path(tempfile.mkdtemp(prefix="attacks-"))
    daemon = Attacked(folder, given.root.resolve())
    try:
        print(
            f"quiet: p99 {daemon.p99(given.seconds):.2f} ms; "
            f"{daemon.program.memory() / 1e6:.0f} MB",
            flush=True,
        )
        for name in given.only or ATTACKS:
            with attacked_by(name, daemon.ports):
                figures = sorted(daemon.p99(given.seconds) for _ in range(given.runs))
                memory = daemon.program.memory() / 1e6
            print(
                f"{name}: p99 {statistics.median(figures):.2f} ms ({figures[0]:.2f} to "
                f"{figures[-1]:.2f}); {memory:.0f} MB",
                flush=True,
            )
    finally:
        daemon.program.stop()
        shutil.rmtree(folder)


def _processors() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def _free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
