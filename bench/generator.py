"""The load generator of `bench/load/`: compiled where it is not current, and run.

`python -m bench.generator` compiles it and says where it is, for use by hand; the top of
`bench/load/load.c` says how.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from bench.processes import MeasureError

__all__ = ["Answer", "build", "hold", "load"]

Answer = dict[str, Any]
"""What the load generator prints: one JSON object."""

_ROOT = Path(__file__).parent.parent
_SOURCES = _ROOT / "bench" / "load"
PROGRAM = _ROOT / "build" / "bench" / "load"
"""Where the compiled program is."""
_FLAGS = ("-O2", "-Wall", "-Wextra", "-std=c11", "-pthread")
_LONGEST = 240.0  # seconds; the program itself ends earlier


def build() -> Path:
    """Compile the load generator, unless it is newer than its sources, and say where it is.

    Raises:
        MeasureError: there is no compiler, or it refuses.
    """
    newest = max(path.stat().st_mtime for path in _SOURCES.iterdir())
    if PROGRAM.exists() and PROGRAM.stat().st_mtime > newest:
        return PROGRAM
    compiler = shutil.which("cc")
    if compiler is None:
        message = (
            "the load generator is written in C, and there is no C compiler (cc); on Debian: "
            "apt-get install gcc libc6-dev libssl-dev"
        )
        raise MeasureError(message)
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    sources = sorted(str(path) for path in _SOURCES.glob("*.c"))
    fresh = PROGRAM.with_suffix(".new")
    made = subprocess.run(
        [compiler, *_FLAGS, "-o", str(fresh), *sources, "-lssl", "-lcrypto"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        message = (
            "the load generator does not compile (it needs OpenSSL; on Debian: apt-get install "
            f"libssl-dev):\n{made.stderr}"
        )
        raise MeasureError(message)
    fresh.replace(PROGRAM)
    return PROGRAM


def load(*words: object) -> Answer:
    """Run the load generator to its end and take its answer.

    Raises:
        MeasureError: it says that something is wrong.
    """
    run = subprocess.run(
        [PROGRAM, *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    if run.returncode != 0:
        raise MeasureError(_what_is_wrong(run.stderr, run.returncode))
    answer: Answer = json.loads(run.stdout)
    return answer


class hold:  # noqa: N801 # used as a statement: with hold(...)
    """Connections that the load generator holds open in the body of a ``with``.

    Args:
        client: where the relay listens.
        server: where it connects to.
        count: how many.

    Raises:
        MeasureError: they can't be opened.
    """

    def __init__(self, client: str, server: str, count: int) -> None:
        self._words = [str(PROGRAM), "idle", client, server, str(count)]

    def __enter__(self) -> None:
        self._process = subprocess.Popen(
            self._words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            _, said = self._process.communicate()
            raise MeasureError(_what_is_wrong(said, self._process.returncode))

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=_LONGEST)  # the end of its input ends it


def _what_is_wrong(said: str, status: int) -> str:
    lines = said.strip().splitlines()
    return lines[0] if lines else f"the load generator ended with status {status}"


if __name__ == "__main__":
    print(build())
