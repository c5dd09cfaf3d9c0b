"""Which connections are counted, on which counters, and under which names."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pipetwist.interfaces import ICellCounter, ICounter, ICounterStore, ITracker
from pipetwist.page.sampling import Sampler
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.stats.counters import MemoryCounter, MemoryCounterStore
from pipetwist.stats.names import (
    DIRECTIONS,
    ENTITIES,
    Entity,
    Listing,
    traffic_entity,
    traffic_name,
)
from pipetwist.stats.tracking import Tracked, Tracker

_NAMES = st.sampled_from(["a", "b"])
_LISTS = st.frozensets(_NAMES)
_VISITS = st.lists(
    st.tuples(_NAMES, _NAMES, st.none() | _NAMES, st.integers(0, 99), st.integers(0, 99)),
    max_size=6,
)


class _Cell(list[int]):
    """A counter's cell of which it is known when it is gone."""


class NamesTest(SynchronousTestCase):
    """The names of counters."""

    def test_names(self) -> None:
        """A counter's name has V2Ray's four parts."""
        self.assertEqual(
            traffic_name("inbound", "pipe-in", "uplink"), "inbound>>>pipe-in>>>traffic>>>uplink"
        )
        self.assertEqual(
            traffic_name("outbound", "plugin", "downlink"), "outbound>>>plugin>>>traffic>>>downlink"
        )
        self.assertEqual(
            traffic_name("user", "alice", DIRECTIONS[0]), "user>>>alice>>>traffic>>>uplink"
        )

    def test_entities(self) -> None:
        """From a counter's name one learns what it counts; other names tell nothing."""
        self.assertEqual(
            traffic_entity(traffic_name("user", "a b", "downlink")), ("user", "a b", "downlink")
        )
        for name in (
            "",
            "user>>>a>>>online",
            "user>>>a>>>traffic>>>up",
            "user>>>a>>>bytes>>>uplink",
            "users>>>a>>>traffic>>>uplink",
            "user>>>a>>>b>>>traffic>>>uplink",
        ):
            self.assertIsNone(traffic_entity(name), name)


@implementer(ICellCounter)
class _CoarseCounter:
    """One whose cell grows by more than 1 for each byte, as those in files."""

    unit = 10

    def __init__(self, name: str) -> None:
        self.name = name
        self.cell = [0]

    def add(self, count: int) -> None:
        self.cell[0] += 10 * count

    def total(self) -> int:
        return self.cell[0] // 10

    value = reset = total


@implementer(ICounter)
class _PublicCounter:
    """One of another program: it has what `ICounter` names, and nothing else."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._total = self._baseline = 0

    def add(self, count: int) -> None:
        self._total += count

    def total(self) -> int:
        return self._total

    def value(self) -> int:
        return self._total - self._baseline

    def reset(self) -> int:
        value, self._baseline = self.value(), self._total
        return value


@implementer(ICounterStore)
class _PublicStore:
    """Has counters of that kind."""

    def __init__(self) -> None:
        self._counters: dict[str, ICounter] = {}

    def counter(self, name: str) -> ICounter:
        return self._counters.setdefault(name, _PublicCounter(name))

    def get(self, name: str) -> ICounter | None:
        return self._counters.get(name)

    def counters(self) -> list[ICounter]:
        return [counter for _, counter in sorted(self._counters.items())]


class _FullCell(list[int]):
    """A cell that takes no more."""

    def __setitem__(self, *_: object) -> None:
        raise ValueError


class TrackerTest(SynchronousTestCase):
    """One connection's tracker."""

    def test_every_counter(self) -> None:
        """Each byte goes to every counter of its direction, and to none of the other."""
        up, more_up, down = (MemoryCounter(name) for name in ("up", "more up", "down"))
        tracker = Tracker(iter([up, more_up]), [down])
        verifyObject(ITracker, tracker)
        tracker.uplink(3)
        tracker.uplink(4)
        tracker.downlink(5)
        self.assertEqual([counter.total() for counter in (up, more_up, down)], [7, 7, 5])

    def test_any_counters(self) -> None:
        """However many counters there are, of one store or of several, with a cell or without, each
        gets every byte.
        """
        kinds: tuple[Callable[[str], ICounter], ...] = (
            MemoryCounter,
            _CoarseCounter,
            _PublicCounter,
        )
        for number in range(6):
            for chosen in product(kinds, repeat=number):
                counters = [kind(str(place)) for place, kind in enumerate(chosen)]
                tracker = Tracker(counters, [])
                for count in (3, 0, 4):
                    tracker.uplink(count)
                    tracker.downlink(count)
                self.assertEqual([counter.total() for counter in counters], [7] * number)

    def test_full(self) -> None:
        """A counter whose cell takes no more adds by itself, and the others of the connection as
        ever.
        """
        for full in range(4):
            counters = [_CoarseCounter(str(place)) for place in range(4)]
            added: list[int] = []
            self.patch(counters[full], "cell", _FullCell([70]))
            self.patch(_CoarseCounter, "add", lambda _, count, added=added: added.append(count))
            Tracker(counters, []).uplink(5)
            self.assertEqual(
                ([counter.total() for counter in counters], added),
                ([7 if place == full else 5 for place in range(4)], [5]),
            )

    def test_no_calls(self) -> None:
        """To however many counters with cells it adds without a call for each."""
        kind: type[MemoryCounter | _CoarseCounter]
        for kind in (MemoryCounter, _CoarseCounter):
            self.patch(kind, "add", None)
            for number in range(8):
                counters = [kind(str(place)) for place in range(number)]
                Tracker(counters, []).uplink(5)
                self.assertEqual([counter.total() for counter in counters], [5] * number)


class EntitiesTest(SynchronousTestCase):
    """What is counted."""

    def setUp(self) -> None:
        """Count pairs of a user and an inbound as well."""
        entities: dict[Any, Any] = ENTITIES
        entities["pair"] = Listing("pairs", lambda inbound, _, user: user and f"{user}@{inbound}")  # type: ignore[arg-type]  # is not in its type
        self.addCleanup(entities.pop, "pair")

    def test_one_more(self) -> None:
        """An entity more is one entry: it is listed, counted, found by name, in metrics and on the
        page like the others.
        """
        store = MemoryCounterStore()
        tracked = Tracked(store, inbounds=["in"], pairs=["alice@in", "bob@in"])  # type: ignore[call-arg]  # that one
        for user, count in (("alice", 1), ("bob", 2), (None, 4), ("carol", 8)):
            tracker = tracked.tracker("in", "out", user)
            assert tracker is not None
            tracker.uplink(count)
        sampler = Sampler(ConnectionTable(Clock(), log=Logger()), store)
        consumed = list(sampler.sample())
        self.assertNotEqual(consumed, [])
        totals = {
            entity: {name: flow.uplink for name, flow in flows.items()}
            for entity, flows in sampler.traffic.items()
        }
        self.assertEqual(
            totals,
            {
                "inbound": {"in": 15},
                "outbound": {},
                "user": {},
                "pair": {"alice@in": 1, "bob@in": 2},
            },
        )
        self.assertEqual(
            tracked.names(), [("inbound", "in"), ("pair", "alice@in"), ("pair", "bob@in")]
        )

    def test_no_slower(self) -> None:
        """All four entities of a connection are added to without a call for each."""
        self.patch(MemoryCounter, "add", None)
        store = MemoryCounterStore()
        tracked = Tracked(
            store, inbounds=["in"], outbounds=["out"], users=["alice"], pairs=["alice@in"]
        )  # type: ignore[call-arg]  # that one
        tracker = tracked.tracker("in", "out", "alice")
        assert tracker is not None
        tracker.downlink(3)
        self.assertEqual([counter.total() for counter in store.counters()], [3, 0] * 4)


class TrackedTest(SynchronousTestCase):
    """What is listed."""

    def setUp(self) -> None:
        """List one of each."""
        self.store = MemoryCounterStore()
        self.tracked = Tracked(self.store, inbounds=["in"], outbounds=["out"], users=["alice"])

    def names(self) -> list[str]:
        """The counters there are."""
        return [counter.name for counter in self.store.counters()]

    def test_tracks(self) -> None:
        """Only what is listed is tracked, each kind for itself, and no user is nobody's name."""
        self.assertTrue(self.tracked.tracks("user", "alice"))
        for entity, name in (
            ("inbound", "alice"),
            ("user", "in"),
            ("outbound", "in"),
            ("user", None),
        ):
            self.assertFalse(self.tracked.tracks(entity, name))  # type: ignore[arg-type]  # mypy takes the tuple's first for any str

    def test_public_store(self) -> None:
        """A store of another program, whose counters have what the interface names alone, counts
        like ours.
        """
        store = _PublicStore()
        verifyObject(ICounterStore, store)
        verifyObject(ICounter, store.counter("name"))
        tracker = Tracked(store, inbounds=["in"], outbounds=["out"], users=["alice"]).tracker(
            "in", "out", "alice"
        )
        assert tracker is not None
        tracker.uplink(3)
        tracker.downlink(4)
        self.assertEqual(
            [counter.value() for counter in store.counters() if counter.name != "name"], [4, 3] * 3
        )

    def test_change_frees_little(self) -> None:
        """However many have a tracker when the names change, no more than a few are freed at once,
        and in the end all of them are.
        """
        freed: list[str] = []

        class Store(MemoryCounterStore):
            def counter(self, name: str) -> MemoryCounter:
                counter = MemoryCounter(name)
                counter.cell = _Cell([0])
                weakref.finalize(counter.cell, freed.append, name)
                return counter

        users = [f"user-{number}" for number in range(1000)]
        tracked = Tracked(Store(), users=users)
        for user in users:
            tracked.tracker("in", "out", user)
        tracked = tracked.counting(inbounds=["in"]).counting(inbounds=["other"])
        self.assertEqual(freed, [])
        for user in users:
            before = len(freed)
            tracked.tracker("in", "out", user)
            self.assertLessEqual(len(freed) - before, 8)
        self.assertEqual(len(freed), 2000)

    def test_all_names(self) -> None:
        """Everything that is counted can be listed, whether it has come yet or not."""
        tracked = Tracked(MemoryCounterStore(), inbounds=["b", "a"], users=["b"])
        self.assertEqual(tracked.names(), [("inbound", "a"), ("inbound", "b"), ("user", "b")])

    def test_nothing_before_the_first(self) -> None:
        """There is no counter before the first connection."""
        self.assertEqual(self.names(), [])

    def test_none(self) -> None:
        """A connection that belongs to nothing listed gets no tracker and makes no counter."""
        self.assertIsNone(self.tracked.tracker("other", "other", "other"))
        self.assertIsNone(self.tracked.tracker("other", "other", None))
        self.assertEqual(self.names(), [])

    def test_appear_in_pairs(self) -> None:
        """Both directions appear at 0 with the first connection that they belong to, and only what
        it belongs to.
        """
        self.assertIsNotNone(self.tracked.tracker("in", "other", "bob"))
        self.assertEqual(
            self.names(), ["inbound>>>in>>>traffic>>>downlink", "inbound>>>in>>>traffic>>>uplink"]
        )
        self.assertEqual([counter.value() for counter in self.store.counters()], [0, 0])

    def test_same_figures(self) -> None:
        """One connection adds the same figures to its inbound, its outbound and its user."""
        tracker = self.tracked.tracker("in", "out", "alice")
        assert tracker is not None
        tracker.uplink(10)
        tracker.downlink(20)
        values = {
            counter.name.replace(">>>traffic>>>", " "): counter.value()
            for counter in self.store.counters()
        }
        self.assertEqual(
            values,
            {
                "inbound>>>in downlink": 20,
                "inbound>>>in uplink": 10,
                "outbound>>>out downlink": 20,
                "outbound>>>out uplink": 10,
                "user>>>alice downlink": 20,
                "user>>>alice uplink": 10,
            },
        )

    @given(inbounds=_LISTS, outbounds=_LISTS, users=_LISTS, visits=_VISITS)
    def test_any_lists(
        self,
        inbounds: frozenset[str],
        outbounds: frozenset[str],
        users: frozenset[str],
        visits: list[tuple[str, str, str | None, int, int]],
    ) -> None:
        """Whatever is listed and whoever comes, there is a counter for just what came and is
        listed, with the sum of its connections.
        """
        store = MemoryCounterStore()
        tracked = Tracked(store, inbounds=inbounds, outbounds=outbounds, users=users)
        listed: dict[Entity, frozenset[str]] = {
            "inbound": inbounds,
            "outbound": outbounds,
            "user": users,
        }
        expected: dict[str, int] = {}
        for inbound, outbound, user, up, down in visits:
            tracker = tracked.tracker(inbound, outbound, user)
            came: dict[Entity, str | None] = {
                "inbound": inbound,
                "outbound": outbound,
                "user": user,
            }
            for entity, name in came.items():
                if name is not None and name in listed[entity]:
                    for direction, count in (("uplink", up), ("downlink", down)):
                        key = f"{entity}>>>{name}>>>traffic>>>{direction}"
                        expected[key] = expected.get(key, 0) + count
            if tracker is not None:
                tracker.uplink(up)
                tracker.downlink(down)
        self.assertEqual({counter.name: counter.value() for counter in store.counters()}, expected)
