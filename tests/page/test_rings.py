"""The rings of rates, against plain lists of what was noted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.page import rings
from pipetwist.page.rings import ALL, SLOTS, History, Moved, Name, Ring
from tests.support.examples import examples

_NAMES: tuple[Name, ...] = (
    ("user", "alice"),
    ("user", "bob"),
    ("user", "carol"),
    ("inbound", "alice"),
    ALL,
)
_Flow: TypeAlias = tuple[float, float]
_Noted: TypeAlias = tuple[range, dict[Name, _Flow]]
"""Slots of a second, and what every one of them has."""

_READINGS = st.lists(
    st.tuples(
        st.sampled_from((0, 0, 0, 0, 1, 17, 59, 60, 61, 3700)),  # slots that nothing is known of
        st.integers(1, 3),
        st.dictionaries(
            st.sampled_from(_NAMES),
            st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
        ),
    ),
    max_size=30,
)


def _add(history: History, slots: range, flows: dict[Name, _Flow]) -> None:
    moved = Moved(
        *({name: flow[way] * len(slots) for name, flow in flows.items()} for way in range(2))
    )
    for _ in history.add(slots, len(slots), moved):
        pass


def _noted(readings: Iterable[tuple[int, int, dict[Name, _Flow]]]) -> list[_Noted]:
    noted, slot = [], 0
    for gap, count, flows in readings:
        noted.append((range(slot + gap, slot + gap + count), flows))
        slot += gap + count
    return noted


def _read(ring: Ring, slots: range, name: Name) -> list[_Flow | None]:
    """What is kept of a name in these slots: None in a gap, or where it is not known."""
    found: list[_Flow | None] = []
    for chunk, start, stop in ring.pieces(slots):
        for place in range(start, stop):
            if chunk is None or not chunk.spans[place]:
                found.append(None)
                continue
            column = chunk.columns[name[0]].get(name[1])
            if column is not None:
                found.append((column.uplink[place], column.downlink[place]))
            else:
                found.append(None if name[0] in chunk.incomplete else (0.0, 0.0))
    return found


class SecondsTest(SynchronousTestCase):
    """The hour by seconds."""

    @settings(max_examples=examples(200), derandomize=True, deadline=None)
    @given(_READINGS)
    def test_list(self, readings: list[tuple[int, int, dict[Name, _Flow]]]) -> None:
        """Every slot of the last hour has what was noted in it, and nothing else has anything."""
        history, plain = History(), dict[int, dict[Name, _Flow]]()
        for slots, flows in _noted(readings):
            _add(history, slots, flows)
            plain.update(dict.fromkeys(slots, flows))
            self.assertEqual(history.seconds.last, slots[-1])
        last = max(plain, default=-1)
        kept = history.seconds.latest(3600)
        self.assertEqual((kept.stop, len(kept) <= 3600), (last + 1, True))
        self.assertLessEqual({slot for slot in plain if slot > last - 3600}, set(kept))
        for name in _NAMES:
            expected = [plain[slot].get(name, (0, 0)) if slot in plain else None for slot in kept]
            self.assertEqual(_read(history.seconds, kept, name), expected)

    def test_bounded(self) -> None:
        """However long it goes on, an hour is kept and the chunk that is begun."""
        history = History()
        for slot in range(2 * 3600):
            _add(history, range(slot, slot + 1), {ALL: (1, 1)})
        self.assertEqual(len(history.seconds._chunks), 61)
        self.assertEqual(history.seconds.latest(10**6), range(2 * 3600 - 61 * SLOTS, 2 * 3600))
        self.assertEqual(len(history.minutes.latest(10**6)), 2 * SLOTS - 1)

    def test_a_part(self) -> None:
        """Of a range that is longer than what there is there is what there is."""
        history = History()
        self.assertEqual(history.seconds.latest(300), range(0))
        _add(history, range(7, 9), {ALL: (1, 1)})
        self.assertEqual(history.seconds.latest(300), range(9))
        self.assertEqual(history.seconds.latest(1), range(8, 9))


class MinutesTest(SynchronousTestCase):
    """The day by minutes."""

    @settings(max_examples=examples(200), derandomize=True, deadline=None)
    @given(_READINGS)
    def test_means(self, readings: list[tuple[int, int, dict[Name, _Flow]]]) -> None:
        """Every minute that is complete has the mean of its seconds that are known."""
        history, plain = History(), dict[int, list[dict[Name, _Flow]]]()
        for slots, flows in _noted(readings):
            _add(history, slots, flows)
            for slot in slots:
                plain.setdefault(slot // SLOTS, []).append(flows)
        complete = sorted(plain)[:-1]
        self.assertEqual(history.minutes.last, complete[-1] if complete else None)
        kept = history.minutes.latest(1440)
        self.assertLessEqual({one for one in complete if one > complete[-1] - 1440}, set(kept))
        for name in _NAMES:
            for minute, found in zip(kept, _read(history.minutes, kept, name), strict=True):
                if minute not in complete:
                    self.assertIsNone(found)
                    continue
                seconds = [flows.get(name, (0, 0)) for flows in plain[minute]]
                for rate, each in zip(found or (), zip(*seconds, strict=True), strict=True):
                    self.assertLessEqual(abs(rate - sum(each) / len(each)), rate * 1e-6)

    def test_day(self) -> None:
        """A day is kept, in chunks of an hour."""
        history = History()
        for minute in range(30 * 60):
            _add(history, range(minute * SLOTS, minute * SLOTS + 1), {ALL: (minute, 0)})
        kept = history.minutes.latest(1440)
        self.assertEqual(len(kept), 1440)
        rates = [flow[0] for flow in _read(history.minutes, kept, ALL) if flow is not None]
        self.assertEqual(rates, list(range(30 * 60 - 1 - 1440, 30 * 60 - 1)))


class NamesTest(SynchronousTestCase):
    """How many names there may be."""

    def test_busiest(self) -> None:
        """A minute that is complete keeps those with the most bytes, and says that others moved
        some; of those nothing is known any more.
        """
        history = History(names=2)
        rates = {"alice": (5, 0), "bob": (0, 3), "carol": (4, 4), "dave": (1, 1)}
        _add(history, range(1), {("user", name): flow for name, flow in rates.items()})
        for name, flow in rates.items():
            self.assertEqual(_read(history.seconds, range(1), ("user", name)), [flow])
        _add(history, range(60, 61), {})
        expected = {"alice": (5, 0), "bob": None, "carol": (4, 4), "dave": None}
        for ring in (history.seconds, history.minutes):
            for name, flow in rates.items():
                # The hour that the minute is in is not complete.
                known = flow if ring is history.minutes else expected[name]
                self.assertEqual(_read(ring, range(1), ("user", name)), [known], name)
        _add(history, range(3600, 3601), {})
        _add(history, range(3660, 3661), {})
        for name, known in expected.items():
            self.assertEqual(_read(history.minutes, range(1), ("user", name)), [known], name)
        self.assertEqual(_read(history.minutes, range(1), ("inbound", "in")), [(0, 0)])

    def test_too_many(self) -> None:
        """A minute that is not complete has a bounded number of names, too."""
        self.patch(rings, "MAX_NAMES", 3)
        history = History()
        for slot in range(3):
            names = [f"user-{number}" for number in range(slot, slot + 3)]
            _add(history, range(slot, slot + 1), {("user", name): (1, 1) for name in names})
        (chunk,) = history.seconds._chunks
        self.assertEqual(list(chunk.columns["user"]), ["user-0", "user-1", "user-2"])
        self.assertEqual(chunk.incomplete, {"user"})
        self.assertEqual(_read(history.seconds, range(3), ("user", "user-4")), [None] * 3)

    def test_steps(self) -> None:
        """However many names move, a step notes a part of them."""
        history = History()
        moved = {("user", f"user-{number}"): 1.0 for number in range(1000)}
        first: Name = ("user", "user-999")
        steps = history.add(range(1), 1.0, Moved(moved, moved))  # type: ignore[arg-type]  # a Name's kind is a Literal
        next(steps)
        self.assertIsNone(history.seconds.last)
        self.assertEqual(len([*steps]), 3)
        self.assertEqual(_read(history.seconds, range(1), first), [(1, 1)])
