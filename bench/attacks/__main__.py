"""Takes the 99th percentile of a round trip through a daemon with 10,000 counters while its figures
are read: ``python -m bench.attacks``.

The daemon has one processor, and the attackers have another. The counters are in a file that is
made before: a user's counters are there from their first connection on, and in a file they stay.
Reading them takes longer there than in memory.

The median of each attack's runs must keep a bound; the exit status is 1 where one does not, and 2
where nothing could be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from typing_extensions import Self

from bench.attacks.attacker import ATTACKS
from bench.bounds import NOT_MEASURED, Bounds
from bench.disturbance import Disturbance
from bench.generator import build, load
from bench.processes import MeasureError, Program, cpu_seconds

_ROOT = Path(__file__).parent.parent.parent
_MAX_MILLISECONDS = 10.0
_USERS = [f"user-{number}" for number in range(5000)]  # with two counters each
_FILL = Path(__file__).with_name("fill.py")


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
                {"name": name, "uid": 100_000 + number} for number, name in enumerate(_USERS)
            ],
        }
        stats = {"enabled": True, "users": _USERS, "store": "counters.db"}
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
        subprocess.run(
            ["env", f"PYTHONPATH={root}", sys.executable, str(_FILL), "counters.db"],
            input=" ".join(_USERS),
            cwd=folder,
            text=True,
            check=True,
        )
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

    def counters(self) -> int:
        """How many counters it tells of."""
        url = f"http://127.0.0.1:{self.ports['metrics']}/api/snapshot"
        with urllib.request.urlopen(url) as answer:
            traffic = json.load(answer)["traffic"]
        return sum(2 * entity["counted"] for entity in traffic.values())

    def p99(self, seconds: float) -> float:
        """Milliseconds that all but one in a hundred round trips take at most."""
        answer = load("trips", self.folder / "in.sock", self.folder / "out.sock", seconds)
        return float(answer["p99_us"]) / 1000


class Attack:
    """An attack in the body of a ``with``, in a process of its own.

    Args:
        name: which.
        ports: where the daemon's listeners are.

    Raises:
        MeasureError: it has ended before the body has, or nothing came of it.
    """

    def __init__(self, name: str, ports: dict[str, int]) -> None:
        self._name = name
        on = ["taskset", "--cpu-list", str(_processors()[-1])]
        attacker = [sys.executable, "-m", "bench.attacks.attacker"]
        self._command = [*on, *attacker, name, str(ports[ATTACKS[name][2]])]
        self.times = 0
        """How often it was done, once it is over."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self

    def cpu_seconds(self) -> float:
        """What it has used of the processor so far."""
        return cpu_seconds(self._process.pid)

    def __exit__(self, *_: object) -> None:
        said = self._process.communicate()[0]  # the end of its input ends it
        self.times = int(said or 0)
        if self._process.returncode != 0 or self.times == 0:
            message = f"the attack {self._name} was not carried out all the time"
            raise MeasureError(message)


def main(words: Sequence[str] | None = None) -> int:
    """Print a line for each attack; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.attacks", description=__doc__)
    parser.add_argument("--only", choices=ATTACKS, action="append", help="this attack alone")
    parser.add_argument("--runs", type=int, default=5, help="how many of each (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each run takes (3)")
    parser.add_argument(
        "--at-most",
        type=float,
        default=_MAX_MILLISECONDS,
        metavar="MS",
        help=f"the bound, in milliseconds ({_MAX_MILLISECONDS:g})",
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=_ROOT,
        help="the checkout that is attacked; this one where absent",
    )
    given = parser.parse_args(words)
    bounds = Bounds(given.at_most)
    folder = Path(tempfile.mkdtemp(prefix="attacks-"))
    try:
        build()
        daemon = Attacked(folder, given.root.resolve())
        try:
            _measure(daemon, given.only or list(ATTACKS), given.runs, given.seconds, bounds)
        finally:
            daemon.program.stop()
    except MeasureError as reason:
        print(f"bench.attacks: {reason}", file=sys.stderr)
        return NOT_MEASURED
    finally:
        shutil.rmtree(folder)
    print(bounds.summary)
    return bounds.status


def _measure(
    daemon: Attacked, attacks: Sequence[str], runs: int, seconds: float, bounds: Bounds
) -> None:
    print(
        f"{daemon.counters()} counters; quiet: p99 {daemon.p99(seconds):.2f} ms; "
        f"{daemon.program.memory() / 1e6:.0f} MB",
        flush=True,
    )
    for name in attacks:
        with Attack(name, daemon.ports) as attack:
            disturbance = Disturbance(partial(_cpu_seconds, daemon.program, attack))
            figures = [daemon.p99(seconds) for _ in range(runs)]
            memory, others = daemon.program.memory() / 1e6, disturbance.share()
        print(
            f"{name}: p99 {' '.join(f'{figure:.2f}' for figure in figures)} ms; "
            f"{bounds.judge(name, figures)}; {memory:.0f} MB; done {attack.times} times; others "
            f"used {others:.0%} of the machine",
            flush=True,
        )


def _cpu_seconds(daemon: Program, attack: Attack) -> float:
    return daemon.cpu_seconds() + attack.cpu_seconds()


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
    sys.exit(main())
