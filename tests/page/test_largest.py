"""The largest of many."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.page import largest as largest_module
from pipetwist.page.largest import largest
from pipetwist.steps import at_once
from tests.support.examples import examples


class LargestTest(SynchronousTestCase):
    """Numbers, each with its place."""

    @settings(max_examples=examples(100), derandomize=True, deadline=None)
    @given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 9))
    def test_same(self, numbers: list[int], most: int) -> None:
        """They are those that come first where all are sorted, equal ones in their order."""
        self.patch(largest_module, "_PIECE", 4)
        items = list(enumerate(numbers))
        picked = at_once(largest(items, most, lambda item: item[1]))
        self.assertEqual(picked, sorted(items, key=lambda item: -item[1])[:most])

    def test_steps(self) -> None:
        """A step looks at a piece of them."""
        self.patch(largest_module, "_PIECE", 10)
        self.assertEqual(sum(1 for _ in largest(range(95), 3, int)), 10)
