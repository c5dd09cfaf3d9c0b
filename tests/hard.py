"""The whole suite where it is hard to pass: ``python -m tests.hard``, which is ``make test-hard``.

It runs the suite under three conditions, says which tests did not pass under each, and leaves what
trial said in ``build/hard``:

- ``idle``: as ``make test`` does, with nothing else to do for the machine;
- ``crowded``: pinned to one processor, which another program uses up;
- ``shuffled``: in random order.

``--only CONDITION`` and ``--times N``, with names of tests, repeat those under one condition.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Outcome", "main", "outcome"]

ROOT = Path(__file__).parent.parent
CONDITIONS = ("idle", "crowded", "shuffled")

_REST = sorted(
    f"tests.{path.stem}"
    for path in (ROOT / "tests").iterdir()
    if path.stem != "interop" and ((path / "__init__.py").exists() or path.name.startswith("test_"))
)
# Beside each other, as `make test` runs them.
_PARTS = {
    "interop": ["tests.interop"],
    "rest": _REST,
}
_LONGEST = 5400
"""Seconds that one run may take before it is ended."""

# It ends with the program that started it, however that ends.
_BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"


@dataclass(frozen=True)
class Outcome:
    """What trial said of one run.

    Attributes:
        ran: how many tests.
        failed: the names of those that did not pass.
        skipped: the names of those that were not tried.
        complete: whether it came to its end.
    """

    ran: int
    failed: list[str]
    skipped: list[str]
    complete: bool


def outcome(said: str) -> Outcome:
    """Read the report of trial.

    Args:
        said: everything that it printed.
    """
    failed: set[str] = set()
    skipped: set[str] = set()
    names: set[str] = set()  # above the first heading they are those of modules, as they come
    for line in said.splitlines():
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            names = skipped if heading[1] in ("SKIPPED", "TODO") else failed
        elif re.fullmatch(r"tests(\.\w+)+", line):
            names.add(line)
    ran = re.search(r"^Ran (\d+) tests in ", said, re.MULTILINE)
    return Outcome(int(ran[1]) if ran else 0, sorted(failed), sorted(skipped), ran is not None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; the status is 0 if each test passed each time."""
    parser = argparse.ArgumentParser(prog="python -m tests.hard")
    parser.add_argument(
        "--only", choices=CONDITIONS, action="append", help="under this condition alone"
    )
    parser.add_argument(
        "--times", type=int, default=1, metavar="N", help="so often under each condition"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=random.SystemRandom().randrange(1 << 32),
        help="of the random order",
    )
    parser.add_argument("tests", nargs="*", help="these tests alone")
    given = parser.parse_args(arguments)
    good = True
    for condition in given.only or CONDITIONS:
        for number in range(given.times):
            parts = {"named": given.tests} if given.tests else _PARTS
            good &= _tell(f"{condition} {number + 1}", _run(condition, parts, given.seed + number))
    return 0 if good else 1


def _run(condition: str, parts: dict[str, list[str]], seed: int) -> list[Outcome]:
    """Run parts of the suite beside each other under a condition."""
    folder = ROOT / "build" / "hard"
    folder.mkdir(parents=True, exist_ok=True)
    order = ["--random", str(seed)] if condition == "shuffled" else []
    processor = max(os.sched_getaffinity(0))
    pinned = ["taskset", "--cpu-list", str(processor)] if condition == "crowded" else []
    logs = {name: folder / f"{condition}-{name}.log" for name in parts}
    with ExitStack() as running:
        if condition == "crowded":
            running.enter_context(_process([*pinned, sys.executable, "-c", _BUSY]))
        trials = []
        for name, tests in parts.items():
            command = [
                *pinned,
                sys.executable,
                "-m",
                "twisted.trial",
                f"--temp-directory=_trial_temp-{name}",
                *order,
                *tests,
            ]
            output = running.enter_context(logs[name].open("wb"))
            trials.append(
                running.enter_context(_process(command, stdout=output, stderr=subprocess.STDOUT))
            )
        for trial in trials:
            trial.wait(_LONGEST)
    if order:
        print(f"shuffled by the seed {seed}")  # noqa: T201 - who runs it wants to know
    return [outcome(log.read_text(encoding="utf-8", errors="replace")) for log in logs.values()]


@contextmanager
def _process(command: Sequence[str], **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has ended when it is left."""
    process: subprocess.Popen[bytes] = subprocess.Popen(command, cwd=ROOT, **options)  # type: ignore[call-overload]  # its options are many
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tell(name: str, outcomes: Sequence[Outcome]) -> bool:
    """Say what came out, and whether all of it is good."""
    failed = [test for one in outcomes for test in one.failed]
    skipped = sum(len(one.skipped) for one in outcomes)
    complete = all(one.complete for one in outcomes)
    ran = sum(one.ran for one in outcomes)
    end = "" if complete else "; a run did not come to its end, see build/hard"
    print(  # noqa: T201 - see above
        f"{name}: {ran} tests, {len(failed)} did not pass, {skipped} skipped{end}",
        *failed,
        sep="\n    ",
        flush=True,
    )
    return complete and ran > 0 and not failed


if __name__ == "__main__":
    sys.exit(main())
