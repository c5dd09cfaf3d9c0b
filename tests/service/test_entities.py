"""What is known of the inbounds, outbounds and users of a tree."""

from __future__ import annotations

import gc
import time
import weakref
from dataclasses import replace

from pipetwist.control.entities import (
    EntityRow,
    EntitySelection,
    LimitFigures,
    QuotaFigures,
    parse_entity_selection,
)
from pipetwist.kinds.limit_options import LimitOptions, QuotaOptions, UserLimitOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.limits.limits import Limits
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.quota_table import QuotaTable
from pipetwist.relay.routing_table import Current
from pipetwist.service.entities import Entities
from pipetwist.service.tree import PipetwistService
from tests.quotas.counters import FileLikeCounter
from tests.service.case import TreeTestCase

_SECONDS = 0.01  # that the reactor may be held


def _rows(
    tree: PipetwistService, selection: EntitySelection | None = None
) -> dict[tuple[str, str], EntityRow]:
    """All of them by their names."""
    entities = Entities(tree._current, tree.relay.connection_table)
    slices = entities.rows(selection or EntitySelection())
    return {(row.entity, row.name): row for rows in slices for row in rows}


class EntitiesTest(TreeTestCase):
    """A tree with a user who has limits, and one who has none of its own."""

    def tree(self, **limits: object) -> PipetwistService:
        """Start it."""
        users = (
            UserOptions(name="me", uid=0, limits=UserLimitOptions(**limits)),  # type: ignore[arg-type]  # of each its own type
            UserOptions(name="bob", uid=1),
        )
        inbound = replace(self.inbound(), users=users, limits=LimitOptions(down_mbps=100))
        tree = self.make(inbound, self.inbound("other"))
        tree.startService()
        return tree

    def test_configured(self) -> None:
        """All of the configuration are there, with their limits as far as they have some."""
        rows = _rows(self.tree(up_mbps=1, max_connections=2, expires="2027-03-01T00:00:00Z"))
        self.assertEqual(
            list(rows),
            [
                ("inbound", "in"),
                ("inbound", "other"),
                ("outbound", "tool"),
                ("user", "me"),
                ("user", "bob"),
            ],
        )
        self.assertEqual(rows["inbound", "in"].limits, LimitFigures(down_mbps=100))
        self.assertEqual(
            rows["user", "me"].limits,
            LimitFigures(up_mbps=1, max_connections=2, expires=1803859200.0),
        )
        for key in (("inbound", "other"), ("outbound", "tool"), ("user", "bob")):
            self.assertEqual(rows[key], EntityRow(*key, 0, None, (), 0.0, 0.0, 0, "", 0))

    def test_open(self) -> None:
        """Open connections are counted under all of their names, refused ones too, and it is said
        why.
        """
        tree = self.tree(max_connections=2)
        for name in ("in", "in", "in", "other"):
            self.connect(name)
        rows = _rows(tree)
        self.assertEqual(
            {name: row.open for (_, name), row in rows.items()},
            {"in": 2, "other": 1, "tool": 3, "me": 2, "bob": 0},
        )
        me = rows["user", "me"]
        text = "max_connections of user me is 2"
        self.assertEqual((me.refused, me.closed, me.sources), (1, text, 1))

    def test_reloaded(self) -> None:
        """A configuration that another one has replaced is not kept, with all of its users."""
        tree = self.tree()
        generation = tree.generation
        document = replace(generation.document)
        current = Current(replace(generation, document=document))
        entities = Entities(current, tree.relay.connection_table)
        list(entities.rows(EntitySelection()))
        current.swap(generation)
        kept = weakref.ref(document)
        del document
        gc.collect()
        self.assertIsNone(kept())
        names = [row.name for rows in entities.rows(EntitySelection()) for row in rows]
        self.assertIn("bob", names)

    def test_held(self) -> None:
        """For how long bytes were held back is told of each rate."""
        tree = self.tree(up_mbps=1)
        limits = tree.relay.connection_table.limits
        self.patch(limits, "held", lambda entity, name: (1.5, 0.0) if name == "me" else (0.0, 0.0))
        row = _rows(tree)["user", "me"]
        self.assertEqual((row.held_up, row.held_down), (1.5, 0.0))

    def test_quotas(self) -> None:
        """Quotas are told with what was used, and the rate that holds since one is used up; nobody
        has a counter for having been looked at.
        """
        tree = self.tree()
        limits = tree.relay.connection_table.limits
        counters: dict[str, FileLikeCounter] = {}
        table = QuotaTable(
            self.reactor,
            Calendar(time.time),
            lambda name: counters.setdefault(name, FileLikeCounter(len(counters))),
            counters.__contains__,
            lambda users: None,
        )
        self.addCleanup(table.stop)
        limits.keep_quotas(table)
        quotas = (
            QuotaOptions(bytes=1000),
            QuotaOptions(bytes=500, count="up", then=LimitOptions(up_mbps=2)),
        )
        limits.configure(Limits(default=UserLimitOptions(quota=quotas)))
        self.assertEqual(
            _rows(tree)["user", "bob"].quotas,
            (
                QuotaFigures("all-both", 1000, 0, None, goes_on=False),
                QuotaFigures("all-up", 500, 0, None, goes_on=True),
            ),
        )
        self.assertEqual(counters, {})
        for quota in table.of("bob"):
            self.assertEqual(quota.take(500), 500)
        bob = _rows(tree)["user", "bob"]
        self.assertEqual(
            {one.quota: one.used for one in bob.quotas}, {"all-both": 500, "all-up": 500}
        )
        assert bob.limits is not None
        self.assertEqual((bob.limits.up_mbps, bob.closed), (2, ""))
        table.of("bob")[0].take(500)
        self.assertEqual(
            _rows(tree)["user", "bob"].closed, "user bob has used up its quota of 1kB in all"
        )

    def test_selected(self) -> None:
        """Only what is asked for is told; what can't be asked for is an error."""
        tree = self.tree()
        for kinds, users, names in (
            (["inbound"], [], ["in", "other"]),
            (["user"], ["bob", "nobody"], ["bob"]),
            ([], ["me"], ["in", "other", "tool", "me"]),
        ):
            selection = parse_entity_selection(kinds, users)
            self.assertEqual([name for _, name in _rows(tree, selection)], names)
        error = self.assertRaises(ValueError, parse_entity_selection, ["route"], [])
        self.assertEqual(str(error), '"route" is no entity; there are inbound, outbound, user')
        self.assertRaises(ValueError, parse_entity_selection, [], ["x"] * 1001)

    def test_many(self) -> None:
        """With ten thousand users no slice holds the reactor for long."""
        users = tuple(UserOptions(name=f"u{number}", uid=number) for number in range(10_000))
        limits = UserLimitOptions(up_mbps=20, max_connections=9)
        tree = self.make(replace(self.inbound(), users=users), default_limits=limits)
        tree.startService()
        entities = Entities(tree._current, tree.relay.connection_table)
        slowest, names_first = [], 0
        for _ in range(3):
            durations, counts = [], []
            slices = entities.rows(EntitySelection())
            found = 0
            while True:
                began = time.thread_time()
                rows = next(slices, None)
                durations.append(time.thread_time() - began)
                if rows is None:
                    break
                counts.append(len(rows))
                found += len(rows)
            self.assertEqual(found, 10_002)
            self.assertLessEqual(max(counts), 25)
            names_first = names_first or counts.index(25)
            slowest.append(max(durations))
        # The names are looked for in steps as well, the first time.
        self.assertGreater(names_first, 9)
        # Another program may have had the processor's caches meanwhile, or memory was collected.
        self.assertLess(min(slowest), _SECONDS)
