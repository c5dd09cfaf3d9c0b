"""What the history costs: ``python -m tests.page.history_cost [NAMES [CONNECTIONS]]`` measures it.

The times are the processor's, so that what else runs on the machine does not count.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Generator, Iterator
from typing import NamedTuple

from pipetwist.page.movement import Movement
from pipetwist.page.past import Asked, past
from pipetwist.page.rings import KEPT, KINDS, History, Moved, Name
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.names import traffic_name
from tests.support.pretended_relay import PretendedRelay

__all__ = ["Cost", "answer", "memory", "seconds"]


class Cost(NamedTuple):
    """Work in steps.

    Attributes:
        total: seconds of all steps.
        longest: of the longest.
        steps: how many there were.
    """

    total: float
    longest: float
    steps: int

    def __str__(self) -> str:
        """In milliseconds."""
        total, longest = self.total * 1e3, self.longest * 1e3
        return f"{total:.2f} ms in {self.steps} steps, the longest {longest:.2f} ms"


def cost(work: Generator[None, None, object] | Iterator[None]) -> Cost:
    """Do it."""
    longest, steps = 0.0, 0
    begun = step = time.thread_time()
    for _ in work:
        now = time.thread_time()
        longest, step, steps = max(longest, now - step), now, steps + 1
    return Cost(time.thread_time() - begun, max(longest, time.thread_time() - step), steps + 1)


def seconds(names: int, moving: int, connections: int = 0) -> Iterator[Cost]:
    """Measure seconds in which so many of so many users move bytes."""
    relay = PretendedRelay(connections, [None])
    store = MemoryCounterStore()
    counters = [
        store.counter(traffic_name("user", f"user-{number}", direction))
        for number in range(names)
        for direction in ("uplink", "downlink")
    ]
    movement, history = Movement(relay.connection_table, store), History()
    for _ in movement.read():
        pass

    def second(slot: int) -> Iterator[None]:
        yield from movement.read()
        yield from history.add(range(slot, slot + 1), 1.0, movement.moved)

    for slot in range(130):
        for counter in counters[: 2 * moving]:
            counter.add(1000 + slot)
        yield cost(second(slot))


def _moved(names: int) -> Moved:
    moved: list[Name] = [
        (kind, f"a-name-as-they-are-{number}") for kind in KINDS[1:] for number in range(names)
    ]
    return Moved(dict.fromkeys(moved, 123456.0), dict.fromkeys(moved, 1234567.0))


def memory(names: int) -> int:
    """The bytes of a history in which so many names of each kind have moved bytes all day."""
    moved, kept = _moved(names), _moved(min(names, KEPT))
    tracemalloc.start()
    history = History()
    for slot in range(0, 25 * 3600 + 3540, 60):  # one second of a minute is as large as all
        # What is complete by then would keep no more of them.
        for _ in history.add(range(slot, slot + 1), 1.0, moved if slot > 24 * 3600 else kept):
            pass
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size


def answer(names: int) -> tuple[Cost, int]:
    """Measure the writing of an hour in which so many names of each kind have moved bytes.

    Returns:
        What it costs, and how many bytes are written.
    """
    moved = _moved(names)
    history = History()
    for slot in range(3660):
        for _ in history.add(range(slot, slot + 1), 1.0, moved):
            pass
    written: list[bytes] = []

    def write() -> Iterator[None]:
        written.append((yield from past(history, Asked("1h"), float)))

    return cost(write()), len(written[0])


def _main(names: int = 10_000, connections: int = 0) -> None:
    for moving in (0, 100, min(names, 2000), names):
        found = list(seconds(names, moving, connections))[1:]
        found.sort(key=lambda one: one.total)
        usual = found[len(found) // 2]
        longest = max(one.longest for one in found) * 1e3
        sys.stdout.write(
            f"{names} users, of whom {moving} move bytes: {usual}; at most "
            f"{found[-1].total * 1e3:.2f} ms, a step {longest:.2f} ms\n"
        )
    for most in (10, 100, 2000):
        size = memory(most) / (1 << 20)
        sys.stdout.write(f"{most} of each kind that move bytes all day: {size:.1f} MiB\n")
    for most in (6, 100):
        writing, size = answer(most)
        sys.stdout.write(f"an hour of {most} of each kind: {writing}, {size} bytes\n")


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
