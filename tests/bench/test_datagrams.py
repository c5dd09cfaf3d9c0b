"""The search for the highest rate of which next to nothing is lost."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bench.generator import Answer
from bench.measures.datagrams import highest_rate


class _Carrier:
    """Carries so many datagrams a second, and of what is more nothing.

    Args:
        capacity: how many.
        hiccups: so many first runs lose 1 %, whatever they are offered.
        offered: the most that it is offered.
    """

    def __init__(self, capacity: float, hiccups: int = 0, offered: float = 1e9) -> None:
        self.rates: list[float] = []
        self._capacity = capacity
        self._hiccups = hiccups
        self._offered = offered

    def run(self, rate: float) -> Answer:
        self.rates.append(rate)
        offered = min(rate, self._offered)
        lost = max(0.01 if len(self.rates) <= self._hiccups else 0.0, 1 - self._capacity / offered)
        return {"lost": lost, "offered_per_second": offered, "per_second": offered * (1 - lost)}


class HighestRateTest(SynchronousTestCase):
    """`highest_rate`."""

    def test_found(self) -> None:
        """It comes close to what can be carried, from below, whether that is more or less than what
        everybody is offered first.
        """
        for capacity in (9_000, 99_000, 101_000, 350_000, 800_000):
            carrier = _Carrier(capacity)
            found = highest_rate(carrier.run, carrier.run(100_000))
            self.assertTrue(0.8 * capacity < found <= capacity, (capacity, found))
            self.assertLess(len(carrier.rates), 15)

    def test_nothing(self) -> None:
        """Where too much is lost at each rate there is none."""
        carrier = _Carrier(1)
        self.assertEqual(highest_rate(carrier.run, carrier.run(100_000)), 0)

    def test_hiccup(self) -> None:
        """A little that is lost once does not decide."""
        carrier = _Carrier(150_000, hiccups=1)
        self.assertGreater(highest_rate(carrier.run, carrier.run(100_000)), 120_000)

    def test_load_generator(self) -> None:
        """If the load generator is at its end so is the search."""
        carrier = _Carrier(1e9, offered=300_000)
        self.assertEqual(highest_rate(carrier.run, carrier.run(100_000)), 300_000)
        self.assertEqual(carrier.rates, [100_000, 200_000, 400_000])
