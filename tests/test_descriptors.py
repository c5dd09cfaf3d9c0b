"""How inbounds share file descriptors: numbers alone."""

from __future__ import annotations

import resource
import sys
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.descriptors import DescriptorShares, descriptor_limit
from tests.support.examples import examples


def _shares(limit: int, events: list[Any] | None = None) -> DescriptorShares:
    """Shares that log to a list."""
    return DescriptorShares(limit, Logger(observer=([] if events is None else events).append))  # type: ignore[arg-type]  # observes well


class DescriptorSharesTest(SynchronousTestCase):
    """Two inbounds, and outbounds that take 1 and 4."""

    def setUp(self) -> None:
        """Divide 40 descriptors: 10 are guaranteed to each inbound, and 20 are shared."""
        self.events: list[Any] = []
        self.shares = _shares(104, self.events)
        self.servers = {"socket": 1, "command": 4}
        self.shares.divide({"a": 1, "b": 1}, self.servers)
        self.a, self.b = self.shares.share("a"), self.shares.share("b")

    def fill(self, tag: str, outbound: str = "socket") -> int:
        """Open connections as long as there is room, and say how many."""
        count = 0
        while self.shares.share(tag).room:
            self.shares.share(tag).opened(outbound)
            count += 1
        return count

    def said(self) -> list[str]:
        """What was logged."""
        return [formatEvent(event) for event in self.events]

    def test_divided(self) -> None:
        """An inbound gets its part and what is for whoever comes first, as far as the costliest
        connection fits; the other its part.
        """
        self.assertEqual((self.a.sure, self.shares.common), (10, 20))
        self.assertEqual(self.fill("a"), 13)
        self.assertEqual(self.fill("b"), 5)
        self.assertEqual((self.a.used, self.b.used, self.shares.borrowed), (26, 10, 16))

    def test_commands(self) -> None:
        """A command counts as what it takes."""
        self.assertEqual(self.fill("a", "command"), 6)
        self.assertEqual(self.fill("b", "command"), 2)

    def test_datagrams(self) -> None:
        """A source of datagrams takes what its outbound does, since the socket is everybody's."""
        self.shares.divide({"a": 0, "b": 1}, {"socket": 1})
        self.assertEqual(self.fill("a"), 30)
        self.assertEqual(self.fill("b"), 5)

    def test_given_back(self) -> None:
        """What ends gives room for as much again, to whoever wants it."""
        self.fill("a")
        for _ in range(5):
            self.a.closed("socket")
        self.assertEqual(self.fill("b"), 5 + 5)
        for _ in range(8):
            self.a.closed("socket")
        self.assertEqual((self.a.used, self.shares.borrowed), (0, 10))
        self.assertEqual(self.a.room, 4)

    def test_looking(self) -> None:
        """The API and the metrics may use the descriptors reserved for them, and shared ones that
        nobody uses, but none that are guaranteed to an inbound.
        """
        looking = self.shares.monitoring("metrics")
        self.assertIs(self.shares.monitoring("metrics"), looking)
        self.assertEqual((looking.sure, looking.bound), (6, 26))
        looking.take(26)
        self.assertEqual((self.fill("a"), self.fill("b"), looking.bound), (3, 3, 26))
        self.shares.divide({"a": 1, "b": 1}, {"socket": 1})
        self.assertEqual((self.fill("a"), self.fill("b")), (2, 2))
        looking.give(26)
        self.assertEqual(self.fill("a"), 10)
        self.assertEqual(
            (looking.bound, self.shares.monitoring("experimental.v2ray_api").bound), (6, 18)
        )

    def test_bound_holds(self) -> None:
        """Who has more than it may gets no higher bound by that."""
        looking = self.shares.monitoring("metrics")
        self.fill("a")
        before = looking.bound
        looking.take(before + 3)
        self.assertEqual(looking.bound, before)

    def test_unbounded(self) -> None:
        """If nothing bounds them there is always room."""
        share = _shares(sys.maxsize).monitoring("metrics")
        share.take(1_000_000)
        self.assertGreater(share.bound, 2_000_000)

    def test_entering(self) -> None:
        """A client in a handshake counts as the connection that it may become, and no more once it
        is one.
        """
        kept = self.a.enter()
        self.assertEqual((kept, self.a.used), (5, 5))
        self.shares.divide({"a": 1, "b": 1}, self.servers)
        self.assertEqual(self.a.used, 5)
        self.a.entered(kept)
        self.a.opened("socket")
        self.assertEqual((self.a.used, self.a.entering), (2, 0))

    def test_lent(self) -> None:
        """Descriptors that a client has passed count as the inbound's, as many as there are, over a
        reload too.
        """
        self.assertTrue(self.a.lend(29))
        self.assertFalse(self.a.lend(2))
        self.assertTrue(self.a.lend(1))
        self.assertEqual((self.a.used, self.shares.borrowed, self.a.room), (30, 20, 0))
        self.shares.divide({"a": 1, "b": 1}, self.servers)
        self.assertEqual((self.a.used, self.shares.borrowed), (30, 20))
        self.a.returned(30)
        self.assertEqual((self.a.used, self.shares.borrowed), (0, 0))

    def test_waiting(self) -> None:
        """A waiting function is called when there is room, once, and not before; one that was
        forgotten is not called.
        """
        told: list[str] = []
        self.fill("a")
        self.fill("b")
        given_up = partial(told.append, "a")
        self.shares.wait(given_up, self.a)
        for one in ("b", "b too"):
            self.shares.wait(partial(told.append, one), self.b)
        self.assertEqual(told, [])
        for _ in range(3):
            self.b.closed("socket")
            self.assertEqual(told, ["b", "b too"])
        self.shares.forget(given_up)
        for _ in range(13):
            self.a.closed("socket")
        self.assertEqual(told, ["b", "b too"])

    def test_said_once(self) -> None:
        """That an inbound has come to its bound is said once, and again only when as many as there
        are have come and gone.
        """
        self.fill("a")
        for _ in range(3):
            self.a.tell("waits until one closes")
            self.a.closed("socket")
            self.a.opened("socket")
        (said,) = self.said()
        self.assertEqual(
            said,
            "inbound a: its connections use 26 file descriptors, and the others are reserved: "
            "a new client waits until one closes; "
            "ulimit -n, or LimitNOFILE= of systemd, sets how many there are",
        )
        for times in (1, 2):
            for _ in range(times):
                while self.a.used:
                    self.a.closed("socket")
                self.fill("a")
            self.a.tell("waits until one closes")
            self.assertEqual(len(self.said()), times)

    def test_reload(self) -> None:
        """A reload divides again: what is open counts on, an inbound that is gone is sure of
        nothing, and who waits may find room.
        """
        told: list[str] = []
        self.fill("a")
        self.shares.wait(lambda: told.append("b"), self.b)
        self.shares.divide({"b": 1, "c": 1}, {"socket": 1})
        self.assertEqual((self.a.sure, self.a.used, self.shares.borrowed), (0, 26, 26))
        self.assertEqual((self.fill("b"), self.fill("c"), told), (5, 5, ["b"]))
        for _ in range(13):
            self.a.closed("socket")
        self.assertEqual((self.a.used, self.shares.borrowed, self.fill("b")), (0, 0, 10))

    def test_outbound_of_another_kind(self) -> None:
        """If an outbound is of another kind after a reload, nothing is left over once all has
        ended.
        """
        self.a.opened("socket")
        self.shares.divide({"a": 1, "b": 1}, {"socket": 4})
        self.a.closed("socket")
        self.a.opened("gone")
        self.a.closed("gone")
        self.assertEqual((self.a.used, self.shares.borrowed), (0, 0))

    def test_few(self) -> None:
        """However few there are, one connection may come to each."""
        shares = _shares(3)
        shares.divide({"a": 1, "b": 1, "c": 0}, {"command": 4}, 100)
        for tag in "abc":
            self.assertGreaterEqual(shares.share(tag).room, 1)

    def test_no_bound(self) -> None:
        """If the system sets no limit there is none."""
        shares = _shares(sys.maxsize)
        shares.divide({"a": 1}, self.servers)
        self.assertGreater(shares.share("a").room, 10**9)

    def test_shown(self) -> None:
        """They say what they are."""
        self.fill("a")
        self.assertEqual(
            repr(self.shares),
            "<DescriptorShares of 104: 16 of 20 borrowed, [<Share a: 26 used, 10 sure>, "
            "<Share b: 0 used, 10 sure>]>",
        )


class AnythingTest(SynchronousTestCase):
    """Whatever comes and goes."""

    @settings(max_examples=examples(100), deadline=None, database=None)
    @given(
        limit=st.integers(64, 300),
        clients=st.lists(st.integers(0, 1), min_size=1, max_size=5),
        steps=st.lists(
            st.tuples(st.integers(0, 4), st.sampled_from(["socket", "command", "end"])),
            max_size=200,
        ),
    )
    def test_bounds(self, limit: int, clients: list[int], steps: list[tuple[int, str]]) -> None:
        """Never are more in use than there are, and never is an inbound without room that has not
        got what it is sure of.
        """
        servers = {"socket": 1, "command": 4}
        shares = _shares(limit)
        shares.divide({str(number): client for number, client in enumerate(clients)}, servers)
        inbounds = [shares.share(str(number)) for number in range(len(clients))]
        rest = shares.common + sum(share.sure for share in inbounds)
        opened: list[tuple[str, str]] = []
        for number, what in steps:
            share = inbounds[number % len(clients)]
            if what != "end" and share.room:
                share.opened(what)
                opened.append((share.tag, what))
            elif what == "end" and opened:
                tag, outbound = opened.pop(number % len(opened))
                shares.share(tag).closed(outbound)
            self.assertLessEqual(sum(one.used for one in inbounds), rest)
            self.assertEqual(shares.borrowed, sum(one.borrowed for one in inbounds))
            for one in inbounds:
                if one.used + one.client + shares.maximum <= one.sure:
                    self.assertGreaterEqual(one.room, 1)
        self.assertEqual(
            sum(one.used for one in inbounds),
            sum(inbounds[int(tag)].client + servers[outbound] for tag, outbound in opened),
        )


class LimitTest(SynchronousTestCase):
    """The process's limit."""

    def test_limit(self) -> None:
        """It is the soft one; none is a great number."""
        self.assertEqual(descriptor_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        self.patch(
            resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )
        self.assertEqual(descriptor_limit(), sys.maxsize)
