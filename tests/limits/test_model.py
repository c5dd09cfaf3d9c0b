"""Any sequence of traffic, changes and leaving under rates, against a plain model.

It is a bucket in exact numbers: what the rate says runs in, and what passes goes out.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.limits.rate import MIN_BURST_BYTES, Rate
from tests.limits.bearers import FakeBearer, World

_RATES = (8_000, 125_000, 1_250_000, 125_000_000)
_STEPS = st.one_of(
    st.tuples(st.just("want"), st.integers(0, 5), st.integers(1, 2_000_000)),
    st.tuples(st.just("wait"), st.integers(1, 400), st.just(0)),
    st.tuples(st.just("change"), st.integers(0, 2), st.integers(0, len(_RATES) - 1)),
    st.tuples(st.just("leave"), st.integers(0, 5), st.just(0)),
)


class _Model:
    """One rate."""

    def __init__(self, rate: Rate, per_second: int) -> None:
        self.rate = rate
        self.per_second = Fraction(per_second)
        self.left = self.most = Fraction(MIN_BURST_BYTES)
        self._set(per_second)
        self.passed = 0

    def _set(self, per_second: int) -> None:
        self.per_second = Fraction(per_second)
        # One that is late loses nothing to those who wait, up to a quarter of a second.
        self.most = max(Fraction(MIN_BURST_BYTES), self.per_second / 4)

    def change(self, per_second: int) -> None:
        """It is another rate."""
        self._set(per_second)

    def let_pass(self, count: int) -> None:
        """So much has passed."""
        self.passed += count
        self.left -= count

    def advance(self, seconds: Fraction) -> None:
        """Time has passed."""
        self.left = min(self.most, self.left + seconds * self.per_second)


class ModelTest(SynchronousTestCase):
    """Three rates: those of two users, and of the inbound that they share."""

    @settings(deadline=None, max_examples=150)
    @given(st.lists(_STEPS, max_size=40))
    def test_never_more(self, steps: list[tuple[str, int, int]]) -> None:
        """No more passes than the model has, at each of the rates; nobody waits for ever; and what
        wanted to pass has passed in the end, whole.
        """
        world = World()
        models = [_Model(world.rate(125_000, name=name), 125_000) for name in ("a", "b", "in")]
        bearers: list[FakeBearer] = []
        for number in range(6):
            own = models[number % 2]
            bearer = world.bearer(own.rate, models[2].rate)
            bearers.append(bearer)
        wanted = [0] * 6
        for step, first, second in steps:
            if step == "want" and not bearers[first].gone:
                wanted[first] += second
                bearers[first].want(second)
            elif step == "change":
                per_second = _RATES[second]
                # Who waits elsewhere with what this rate has granted begins again, as at a reload.
                under = bearers if first == 2 else bearers[first::2]
                for bearer in under:
                    bearer.flow.leave()
                models[first].rate.change(per_second, 0, world.clock.seconds())
                models[first].change(per_second)
                world.pacer.look_again()
                for bearer in under:
                    bearer.read()
            elif step == "leave":
                bearers[first].gone = True
                bearers[first].flow.leave()
                wanted[first] -= bearers[first].left
                bearers[first].left = 0
            elif step == "wait":
                for _ in range(first):
                    world.clock.advance(0.001)
                    for model in models:
                        model.advance(Fraction(1, 1000))
                    self.look(bearers, models)
            self.look(bearers, models)
        for model in models:
            model.rate.change(125_000_000, 0, world.clock.seconds())
        world.pacer.look_again()
        world.run(5, 0.01)
        self.assertEqual([bearer.total for bearer in bearers], wanted)
        self.assertFalse(any(bearer.flow.waits for bearer in bearers))
        self.assertEqual(world.clock.getDelayedCalls(), [])

    def look(self, bearers: list[FakeBearer], models: list[_Model]) -> None:
        """Take out of the models what has passed since, and see that they have not overflowed."""
        for number, model in enumerate(models):
            mine = bearers if number == 2 else bearers[number::2]
            # What one rate has granted and waits for another has left it already.
            shared = models[2].rate.name
            held = [bearer.flow.most for bearer in mine if bearer.flow.held_by == shared]
            total = sum(bearer.total for bearer in mine) + (sum(held) if number < 2 else 0)
            model.let_pass(total - model.passed)
            self.assertGreaterEqual(model.left, -1, model.rate)

    @settings(deadline=None, max_examples=50)
    @given(st.sampled_from(_RATES), st.integers(1, 20), st.integers(1, 9))
    def test_never_less(self, per_second: int, flows: int, step: int) -> None:
        """While somebody wants more the rate is used up, whatever the reactor's steps are."""
        world = World()
        rate = world.rate(per_second)
        bearers = [world.bearer(rate) for _ in range(flows)]
        for bearer in bearers:
            bearer.want(1 << 40)
        totals = []
        for _ in range(20):
            world.run(0.5, step / 1000)
            totals.append(sum(bearer.total for bearer in bearers))
        for before, after in pairwise(totals):
            wanted = per_second * round(0.5 / (step / 1000)) * step / 1000
            # A share is the most that is put off.
            self.assertGreaterEqual(after - before, wanted - 32768 - wanted * 0.05)
