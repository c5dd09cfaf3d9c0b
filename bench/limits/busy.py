"""What users with limits cost others, and how much memory: round trips of a client without limits,
while many who have some want more than they may.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from typing_extensions import Self

from bench.generator import load
from bench.limits.flood import source
from bench.limits.relays import free_port, twistd
from bench.listening import listens
from bench.places import TcpPlace
from bench.processes import MeasureError, Program

__all__ = ["Busy", "measure_busy", "memory_of_users"]

_ROOT = Path(__file__).parent.parent.parent
# What comes at once after a pause is over by then.
_BEFORE_SECONDS = 1.0


class Busy(NamedTuple):
    """What was measured.

    Attributes:
        quiet: milliseconds that 99 of 100 round trips take at most while nobody else is there, of
            each run.
        trips: the same while many are busy.
        share: what those got, of what they may have.
        processor: the daemon's share of a processor meanwhile.
    """

    quiet: list[float]
    trips: list[float]
    share: float
    processor: float


class _Flood:
    """The ends of the users' connections, in a process of their own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            _on_processor(-1, [sys.executable, "-m", "bench.limits.flood"]),
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # the end of its input ends it

    def ask(self, *words: object) -> int:
        """Have it do this; how many bytes have come by then."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{' '.join(map(str, words))}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said:
            message = "the ends of the users' connections have ended"
            raise MeasureError(message)
        return int(said)


def measure_busy(
    folder: Path, users: int, busy: int, megabits: float, runs: int, seconds: float
) -> Busy:
    """Take the round trips of one without limits.

    Args:
        folder: where the daemon's files are.
        users: how many have limits.
        busy: how many of them want more than they may.
        megabits: what each may have in a second.
        runs: how often.
        seconds: how long each run takes.

    Raises:
        MeasureError: it does not start, or its ends have ended.
    """
    with _Flood() as flood, _daemon(folder, flood.port, users, megabits) as (program, port):
        quiet = [_p99(folder, seconds) for _ in range(runs)]
        flood.ask("hold", port, busy)
        time.sleep(_BEFORE_SECONDS)
        before, used, began = flood.ask("count"), program.processor_seconds(), time.monotonic()
        trips = [_p99(folder, seconds) for _ in range(runs)]
        taken = time.monotonic() - began
        came = flood.ask("count") - before
        processor = (program.processor_seconds() - used) / taken
    return Busy(quiet, trips, came / (busy * megabits * 125_000 * taken), processor)


def memory_of_users(folder: Path, users: int, megabits: float) -> float:
    """Bytes that a daemon needs more for each user that has limits, and was there, than for one
    that has none.

    Raises:
        MeasureError: it does not start, or its ends have ended.
    """
    needed = []
    for limit in (megabits, None):
        with _Flood() as flood, _daemon(folder, flood.port, users, limit) as (program, port):
            flood.ask("visit", port, users)
            needed.append(program.memory())
    return (needed[0] - needed[1]) / users


def _p99(folder: Path, seconds: float) -> float:
    answer = load("trips", folder / "free.sock", folder / "out.sock", seconds)
    return float(answer["p99_us"]) / 1000


@contextmanager
def _daemon(
    folder: Path, server: int, users: int, megabits: float | None
) -> Iterator[tuple[Program, int]]:
    """A daemon on one processor, and the port of its users, each of whom has these limits, or none;
    who comes elsewhere is no user.
    """
    port = free_port()
    limits = {} if megabits is None else {"limits": _limits(megabits)}
    document = {
        "log": {"level": "error"},
        "users": [
            {"name": f"user-{number}", "source": [source(number)], **limits}
            for number in range(users)
        ],
        "inbounds": [
            {"type": "tcp", "tag": "in", "listen": "127.0.0.1", "listen_port": port, "users": "*"},
            {"type": "unix", "tag": "free", "path": "free.sock"},
        ],
        "outbounds": [
            {"type": "unix", "tag": "out", "path": "out.sock"},
            {"type": "tcp", "tag": "flood", "server": "127.0.0.1", "server_port": server},
        ],
        "route": {"rules": [{"inbound": ["in"], "outbound": "flood"}]},
    }
    program = Program(_on_processor(0, twistd(folder, document)), folder)
    try:
        program.wait_until(lambda: listens(TcpPlace(port)), "listen")
        yield program, port
    finally:
        program.stop()


def _limits(megabits: float) -> dict[str, float]:
    return {"up_mbps": megabits, "down_mbps": megabits, "max_connections": 100}


def _on_processor(number: int, command: Sequence[str]) -> list[str]:
    """The command on the first processor, or the last."""
    processor = sorted(os.sched_getaffinity(0))[number]
    return ["taskset", "--cpu-list", str(processor), *command]
