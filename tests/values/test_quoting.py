"""Values in messages."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values import quote


class QuotingTest(SynchronousTestCase):
    """How a value stands in a message."""

    def test_as_written(self) -> None:
        """A value stands as the configuration writes it, not as Python does."""
        quoted = {"a": '"a"', "é": '"é"', "'": '"\'"', None: "null", True: "true", 5: "5"}
        self.assertEqual({value: quote(value) for value in quoted}, quoted)
        self.assertEqual(quote({"a": [None, 'x"']}), '{"a": [null, "x\\""]}')

    @settings(deadline=None)
    @given(
        st.recursive(
            st.none() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_one_line(self, value: object) -> None:
        """Whatever the value, a message stays on one line of a bounded length, and can be
        printed.
        """
        text = quote(value)
        self.assertTrue(text.isprintable())
        self.assertLessEqual(len(text), 80)
