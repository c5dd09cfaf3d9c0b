"""What a second of the page costs: ``python -m tests.page.cost [CONNECTIONS [USERS]]`` measures
it.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from pipetwist.page.sampling import Sampler
from pipetwist.page.tallies import NameTallies
from pipetwist.page.view import View
from tests.support.page_document import told
from tests.support.pretended_relay import PretendedRelay

__all__ = ["Cost", "NamesCost", "cost_of_names", "costs"]


class Cost(NamedTuple):
    """One second's work, in the processor's time, so that what else runs on the machine does not
    count.

    Attributes:
        reading: seconds for the figures, in all their steps.
        longest: seconds of the longest of these.
        telling: seconds for one view, as an event.
        size: bytes of the event.
    """

    reading: float
    longest: float
    telling: float
    size: int


def costs(connections: int, users: int, rounds: int = 8) -> Iterator[Cost]:
    """Measure rounds in which every connection and every user moves bytes; the first, in which all
    is new, is left out.
    """
    relay = PretendedRelay(connections, [f"user-{number}" for number in range(users)])
    moving = random.Random(1)
    sampler = Sampler(relay.connection_table, relay.store)
    for number in range(rounds + 1):
        relay.clock.advance(1)
        for side, *_ in relay.open.values():
            side.received += moving.randrange(10_000)
            side.delivered += moving.randrange(100_000)
        for user in relay.users:
            tracker = relay.tracked.tracker("office-unix", "plugin", user)
            assert tracker is not None
            tracker.uplink(moving.randrange(10_000))
            tracker.downlink(moving.randrange(100_000))
        begun = step = time.thread_time()
        longest = 0.0
        for _ in sampler.sample():
            now = time.thread_time()
            longest, step = max(longest, now - step), now
        read = time.thread_time()
        event = told(sampler, View(), changes_only=True)
        if number:
            yield Cost(read - begun, longest, time.thread_time() - read, len(event))


class NamesCost(NamedTuple):
    """What the connections of each name cost, in the processor's time.

    Attributes:
        counting: seconds for each connection, when it opens and when it closes.
        telling: seconds for all names, in all steps.
        longest: seconds of the longest of these.
    """

    counting: float
    telling: float
    longest: float


def cost_of_names(connections: int, users: int) -> NamesCost:
    """Measure it once."""
    relay = PretendedRelay(connections, [f"user-{number}" for number in range(users)])
    tallies, records = NameTallies(dict), relay.connection_table.connections()
    begun = time.thread_time()
    for record in records:
        tallies.opened(record)
        tallies.closed(record, 1.0)
    counted = step = time.thread_time()
    longest = 0.0
    for _ in tallies.document():
        now = time.thread_time()
        longest, step = max(longest, now - step), now
    return NamesCost((counted - begun) / len(records), time.thread_time() - counted, longest)


def _main(connections: int = 5000, users: int = 1000) -> None:
    for cost in costs(connections, users):
        sys.stdout.write(
            f"reading {cost.reading * 1e3:.1f} ms, its longest step {cost.longest * 1e3:.2f} ms; "
            f"telling {cost.telling * 1e3:.1f} ms, {cost.size} bytes\n"
        )
    names = cost_of_names(connections, users)
    sys.stdout.write(
        f"counting {names.counting * 1e6:.1f} \N{MICRO SIGN}s for each connection, telling names "
        f"{names.telling * 1e3:.1f} ms, the longest step {names.longest * 1e3:.2f} ms\n"
    )


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
