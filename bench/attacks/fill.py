"""Makes a file of counters, ``fill.py FILE``, for the users whose names come on standard input: a
program that is given a checkout by PYTHONPATH.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from pipetwist.storage.store import FileCounterStore

_BYTES = 1_000_000


def fill(path: str, users: Iterable[str]) -> None:
    """Two counters for each user, with different totals of seven digits."""
    store = FileCounterStore(path, lambda name, reason: sys.exit(f"{name}: {reason}"))
    store.open()
    for number, user in enumerate(users):
        for direction in ("uplink", "downlink"):
            store.counter(f"user>>>{user}>>>traffic>>>{direction}").add(_BYTES + number)
    store.detach()
    store.close()


if __name__ == "__main__":
    fill(sys.argv[1], sys.stdin.read().split())
