"""What a query finds, and what it is not allowed."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import BinaryIO

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.query import DEFAULT_BOUNDS, BadQueryError, Bounds, SlowQueryError, query
from pipetwist.stats.counters import MemoryCounterStore
from tests.support.api_server import counted
from tests.support.examples import examples

_COUNTERS = {
    "user>>>bob>>>traffic>>>uplink": 30,
    "inbound>>>in>>>traffic>>>uplink": 10,
    "user>>>alice>>>traffic>>>downlink": 21,
    "inbound>>>in>>>traffic>>>downlink": 11,
    "user>>>alice>>>traffic>>>uplink": 20,
}
_IN_ORDER = sorted(_COUNTERS)
_TOO_LARGE = r"\pL{300}"  # as a program of RE2


class SelectionTest(SynchronousTestCase):
    """Which counters an answer has."""

    def names(self, pattern: str = "", *patterns: str, regexp: bool = False) -> list[str]:
        """The names of an answer."""
        answer = query(
            counted(_COUNTERS),
            pattern=pattern,
            patterns=patterns,
            regexp=regexp,
            bounds=DEFAULT_BOUNDS,
        )
        return [name for name, _ in answer]

    def test_everything(self) -> None:
        """A query without any pattern gives every counter and its value, by name."""
        self.assertEqual(
            query(counted(_COUNTERS), bounds=DEFAULT_BOUNDS), sorted(_COUNTERS.items())
        )

    def test_pattern(self) -> None:
        """A pattern alone gives the counters that have it in their names."""
        self.assertEqual(
            self.names("alice>>>"),
            ["user>>>alice>>>traffic>>>downlink", "user>>>alice>>>traffic>>>uplink"],
        )

    def test_patterns(self) -> None:
        """Several patterns give the counters that have any of them in their names, by name."""
        self.assertEqual(
            self.names("", "bob", "inbound"),
            [
                "inbound>>>in>>>traffic>>>downlink",
                "inbound>>>in>>>traffic>>>uplink",
                "user>>>bob>>>traffic>>>uplink",
            ],
        )

    def test_pattern_together_with_patterns(self) -> None:
        """The field pattern is one more pattern beside those of the field patterns."""
        self.assertEqual(
            self.names("bob", "alice>>>traffic>>>up"),
            ["user>>>alice>>>traffic>>>uplink", "user>>>bob>>>traffic>>>uplink"],
        )

    def test_empty_pattern_among_patterns(self) -> None:
        """An empty text in the field patterns gives every counter."""
        self.assertEqual(self.names("", ""), _IN_ORDER)
        self.assertEqual(self.names("", "bob", ""), _IN_ORDER)
        self.assertEqual(self.names("", "", regexp=True), _IN_ORDER)

    def test_two_patterns_hit_one_name(self) -> None:
        """A counter that several patterns match is in the answer once."""
        self.assertEqual(self.names("bob", "bob", "user>>>bob"), ["user>>>bob>>>traffic>>>uplink"])

    def test_case(self) -> None:
        """Upper and lower case differ."""
        self.assertEqual(self.names("Bob"), [])

    def test_text_is_no_expression(self) -> None:
        """Without regexp a pattern's characters stand for themselves."""
        self.assertEqual(self.names("b.b"), [])

    def test_expression(self) -> None:
        """With regexp a pattern matches anywhere in a name, that of the field pattern too."""
        self.assertEqual(self.names("b.b", regexp=True), ["user>>>bob>>>traffic>>>uplink"])
        self.assertEqual(
            self.names("^user.*downlink$", "^in.*uplink", regexp=True),
            ["inbound>>>in>>>traffic>>>uplink", "user>>>alice>>>traffic>>>downlink"],
        )

    def test_groups(self) -> None:
        """An expression may have groups and flags."""
        self.assertEqual(
            self.names(r"(?i)(ALICE|x)>>>(traffic)>>>(?P<way>up)", regexp=True),
            ["user>>>alice>>>traffic>>>uplink"],
        )

    def test_unicode(self) -> None:
        """Names and patterns are texts, whatever their letters."""
        store = counted({"user>>>Zoë>>>traffic>>>uplink": 1, "user>>>Zoe>>>traffic>>>uplink": 2})
        for pattern, regexp in (("oë", False), (">>>Zo[^e]>>>", True)):
            answer = query(store, pattern=pattern, regexp=regexp, bounds=DEFAULT_BOUNDS)
            self.assertEqual(answer, [("user>>>Zoë>>>traffic>>>uplink", 1)])

    def test_nothing(self) -> None:
        """A query that matches nothing gives an empty answer."""
        self.assertEqual(self.names("nobody"), [])
        self.assertEqual(query(MemoryCounterStore(), bounds=DEFAULT_BOUNDS), [])

    @given(
        names=st.sets(st.text("ab>", max_size=6), max_size=200),
        pattern=st.text("ab>", max_size=2),
        patterns=st.lists(st.text("ab>", max_size=3), max_size=4),
        regexp=st.booleans(),
    )
    def test_any(self, names: set[str], pattern: str, patterns: list[str], regexp: bool) -> None:
        """Whatever the names and patterns, the answer is each name with one of the patterns in it,
        once, by name.
        """
        wanted = [*patterns, *([pattern] if pattern else [])]
        expected = sorted(
            name for name in names if not wanted or any(one in name for one in wanted)
        )
        answer = query(
            counted(dict.fromkeys(names, 1)),
            pattern=pattern,
            patterns=patterns,
            regexp=regexp,
            bounds=DEFAULT_BOUNDS,
        )
        self.assertEqual([name for name, _ in answer], expected)


class ResetTest(SynchronousTestCase):
    """What a reset does, and what it leaves."""

    def test_reset(self) -> None:
        """A reset gives the values once more and starts those counters, no others, again from 0."""
        store = counted(_COUNTERS)
        first = query(store, pattern="user", reset=True, bounds=DEFAULT_BOUNDS)
        self.assertEqual(first, [(name, _COUNTERS[name]) for name in _IN_ORDER if "user" in name])
        self.assertEqual(
            query(store, bounds=DEFAULT_BOUNDS),
            [(name, 0 if name.startswith("user") else _COUNTERS[name]) for name in _IN_ORDER],
        )

    def test_reset_of_a_name_hit_twice(self) -> None:
        """A counter that two patterns match is reset once, so that its value is not lost to a
        second reset.
        """
        self.assertEqual(
            query(
                counted(_COUNTERS),
                patterns=["bob", "user>>>bob"],
                reset=True,
                bounds=DEFAULT_BOUNDS,
            ),
            [("user>>>bob>>>traffic>>>uplink", 30)],
        )

    def test_bad_expression(self) -> None:
        """A query with an invalid regular expression names it and resets nothing, though other
        patterns match.
        """
        store = counted(_COUNTERS)
        with self.assertRaises(BadQueryError) as caught:
            query(
                store,
                patterns=["user", ".*", "a(b"],
                regexp=True,
                reset=True,
                bounds=DEFAULT_BOUNDS,
            )
        self.assertIn('"a(b"', str(caught.exception))
        self.assertIn("missing )", str(caught.exception))
        self.assertEqual(dict(query(store, bounds=DEFAULT_BOUNDS)), _COUNTERS)

    def test_saturation(self) -> None:
        """A value that an int64 can't hold is given as the largest that it can."""
        store = counted({"a": 2**63 - 1, "b": 2**63, "c": 2**70})
        for reset in (False, True):
            values = [value for _, value in query(store, reset=reset, bounds=DEFAULT_BOUNDS)]
            self.assertEqual(values, [2**63 - 1] * 3)


class BoundsTest(SynchronousTestCase):
    """What one query may ask for."""

    def refused(self, *patterns: str, regexp: bool = False, bounds: Bounds = DEFAULT_BOUNDS) -> str:
        """What a refused query says; nothing is reset by it."""
        store = counted(_COUNTERS)
        with self.assertRaises(BadQueryError) as caught:
            query(store, patterns=patterns, regexp=regexp, reset=True, bounds=bounds)
        self.assertEqual(dict(query(store, bounds=DEFAULT_BOUNDS)), _COUNTERS)
        return str(caught.exception)

    def test_number(self) -> None:
        """A query with more patterns than it may have is refused, and the text says the bound; the
        field pattern counts.
        """
        bounds = Bounds(patterns=2)
        self.assertEqual(
            self.refused("a", "b", "c", bounds=bounds), "the query has 3 patterns; the limit is 2"
        )
        with self.assertRaises(BadQueryError):
            query(counted({}), pattern="a", patterns=["b", "c"], bounds=bounds)
        self.assertEqual(
            len(query(counted(_COUNTERS), pattern="bob", patterns=["in>>>"], bounds=bounds)), 3
        )

    def test_length(self) -> None:
        """A query with a longer pattern than it may have is refused, and the text says the bound
        and not the whole pattern.
        """
        said = self.refused("a" * 1001)
        self.assertIn("has 1001 characters; the limit is 1000", said)
        self.assertLess(len(said), 200)
        self.assertEqual(
            query(counted(_COUNTERS), patterns=["a" * 1000], bounds=DEFAULT_BOUNDS), []
        )

    def test_memory(self) -> None:
        """An expression that would need much memory is refused."""
        self.assertIn("too large", self.refused(_TOO_LARGE, regexp=True))

    def test_quiet(self) -> None:
        """RE2 writes nothing of a bad expression to standard error."""
        with _standard_error() as said:
            self.refused("a(b", regexp=True)
            self.refused(_TOO_LARGE, regexp=True)
            said.seek(0)
            self.assertEqual(said.read(), b"")

    def test_time(self) -> None:
        """A query that takes longer than it may ends, and resets nothing."""
        store = counted({f"user{number:05d}": number for number in range(1000)})
        seconds = iter(range(1000))
        with self.assertRaises(SlowQueryError) as caught:
            query(
                store,
                pattern="user",
                reset=True,
                bounds=Bounds(seconds=5),
                clock=lambda: float(next(seconds)),
            )
        self.assertIn("5 s", str(caught.exception))
        self.assertEqual(
            [value for _, value in query(store, bounds=DEFAULT_BOUNDS)], list(range(1000))
        )
        self.assertLess(next(seconds), 10)

    def test_hostile_expressions(self) -> None:
        """Expressions that take other engines years take this one seconds at the most: no name is
        gone through twice.
        """
        store = counted(
            {f"user>>>{'a' * 40}{number}>>>traffic>>>uplink": 1 for number in range(2000)}
        )
        # Of this thread's own work: others that use the machine do not count.
        began = time.thread_time()
        for pattern in (
            r"(a+)+$",
            r"(a|aa)+$",
            r"(.*a){20}b",
            r"^(([a-z])+.)+[A-Z]([a-z])+$",
            "(a?){100}a{100}",
        ):
            self.assertEqual(
                query(store, pattern=pattern, regexp=True, bounds=Bounds(seconds=60)), []
            )
        self.assertLess(time.thread_time() - began, 60)


@contextlib.contextmanager
def _standard_error() -> Iterator[BinaryIO]:
    """A file that takes what anything, libraries in C as well, writes to standard error
    meanwhile.
    """
    before = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield caught
        finally:
            os.dup2(before, 2)
            os.close(before)


class ConcurrencyTest(SynchronousTestCase):
    """Resets while bytes flow."""

    def setUp(self) -> None:
        """Let threads take turns far more often than usual."""
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-6)

    @settings(max_examples=examples(20), deadline=None)
    @given(
        counts=st.lists(st.integers(0, 2**40), min_size=200, max_size=2000),
        names=st.integers(1, 3),
        threads=st.integers(1, 4),
    )
    def test_no_byte_lost_or_doubled(self, counts: list[int], names: int, threads: int) -> None:
        """What several threads get by resets while the main thread counts is, with the last reset,
        exactly what was counted.
        """
        store = counted({f"user>>>u{number}>>>traffic>>>uplink": 0 for number in range(names)})
        counters = store.counters()
        taken: list[int] = []
        done = threading.Event()

        def take() -> int:
            return sum(
                value
                for _, value in query(store, pattern="user", reset=True, bounds=Bounds(seconds=60))
            )

        def keep_taking() -> None:
            while not done.is_set():
                taken.append(take())

        takers = [threading.Thread(target=keep_taking) for _ in range(threads)]
        for taker in takers:
            taker.start()
        for number, count in enumerate(counts):
            counters[number % names].add(count)
        done.set()
        for taker in takers:
            taker.join(60)
            self.assertFalse(taker.is_alive())
        self.assertEqual(sum(taken) + take(), sum(counts))
