"""What a second of the page costs, in work: ``python -m tests.page.cost`` says it in time."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.page import sampling
from pipetwist.page.sampling import Sampler
from tests.page.cost import costs
from tests.support.pretended_relay import PretendedRelay

_CONNECTIONS = 5000
_USERS = 1000


class CostTest(SynchronousTestCase):
    """Many connections and users."""

    def test_steps(self) -> None:
        """They are read in pieces, between which the reactor has its turn; smaller pieces are more
        of them.
        """
        relay = PretendedRelay(_CONNECTIONS, [f"user-{number}" for number in range(_USERS)])
        sampler = Sampler(relay.connection_table, relay.store)
        steps = []
        for piece in (250, 50):
            self.patch(sampling, "_PIECE", piece)
            relay.clock.advance(1)
            steps.append(sum(1 for _ in sampler.sample()))
        counters = len(relay.store.counters())
        self.assertGreaterEqual(steps[0], _CONNECTIONS // 250 + counters // 250)
        self.assertGreaterEqual(steps[1], _CONNECTIONS // 50 + counters // 50)

    def test_size(self) -> None:
        """What a viewer is sent each second is bounded, whatever is open."""
        few, many = (
            next(iter(costs(connections, _USERS, rounds=1))).size
            for connections in (1000, _CONNECTIONS)
        )
        self.assertLess(many, 2 * few)
