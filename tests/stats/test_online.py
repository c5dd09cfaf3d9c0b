"""Which users are online, and from where."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.stats.online import OnlineUsers, online_name, online_user


class NamesTest(SynchronousTestCase):
    """The names that users have in Xray's online calls."""

    def test_name(self) -> None:
        """A user's name stands between the parts that Xray puts around it, and is found there
        again.
        """
        self.assertEqual(online_name("alice"), "user>>>alice>>>online")
        self.assertEqual(online_user("user>>>alice>>>online"), "alice")

    def test_other_names(self) -> None:
        """A name of another kind is nobody's."""
        for name in (
            "",
            "alice",
            "user>>>alice",
            "alice>>>online",
            "user>>>alice>>>traffic>>>uplink",
            "inbound>>>alice>>>online",
        ):
            self.assertIsNone(online_user(name))

    def test_overlapping_parts(self) -> None:
        """A name whose beginning and end share their separator names no user."""
        self.assertIsNone(online_user("user>>>online"))


class OnlineUsersTest(SynchronousTestCase):
    """Connections that open and close."""

    def setUp(self) -> None:
        """Begin at a time with a fraction, with nobody online."""
        self.clock = Clock()
        self.clock.advance(1000.75)
        self.online = OnlineUsers(self.clock.seconds)

    def test_never_seen(self) -> None:
        """A user who was never here has no sources, not even none."""
        self.assertIsNone(self.online.sources("alice"))
        self.assertEqual(self.online.online(), {})

    def test_opened(self) -> None:
        """An open connection's source is listed with the whole second in which it was opened."""
        self.online.opened("alice", "192.0.2.1")
        self.assertEqual(self.online.sources("alice"), {"192.0.2.1": 1000})
        self.assertEqual(self.online.online(), {"alice": {"192.0.2.1": 1000}})

    def test_same_source_again(self) -> None:
        """Connections from one source are one source, seen last when the newest was opened, until
        the last of them closes.
        """
        self.online.opened("alice", "pid:7")
        self.clock.advance(10)
        self.online.opened("alice", "pid:7")
        self.online.closed("alice", "pid:7")
        self.assertEqual(self.online.sources("alice"), {"pid:7": 1010})
        self.online.closed("alice", "pid:7")
        self.assertEqual(self.online.sources("alice"), {})

    def test_left(self) -> None:
        """A user who has left is known, and not online."""
        self.online.opened("alice", "pid:7")
        self.online.closed("alice", "pid:7")
        self.assertEqual(self.online.sources("alice"), {})
        self.assertEqual(self.online.online(), {})

    def test_order(self) -> None:
        """Users are listed by name."""
        for user in ("carol", "alice", "bob"):
            self.online.opened(user, "pid:1")
        self.assertEqual(list(self.online.online()), ["alice", "bob", "carol"])

    def test_answers_are_copies(self) -> None:
        """What was answered does not change with what happens afterwards."""
        self.online.opened("alice", "pid:7")
        online, sources = self.online.online(), self.online.sources("alice")
        self.online.opened("alice", "pid:8")
        self.assertEqual((online, sources), ({"alice": {"pid:7": 1000}}, {"pid:7": 1000}))

    def test_closed_without_opened(self) -> None:
        """Closing what is not open is an error of the caller."""
        self.assertRaises(KeyError, self.online.closed, "alice", "pid:7")
        self.online.opened("alice", "pid:7")
        self.assertRaises(KeyError, self.online.closed, "alice", "pid:8")

    @given(
        st.lists(
            st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.booleans()), max_size=40
        )
    )
    def test_any_order(self, events: list[tuple[str, str, bool]]) -> None:
        """Whatever opens and closes in whatever order, a source is listed exactly while a
        connection from it is open.
        """
        online = OnlineUsers(lambda: 5.0)
        still_open: Counter[tuple[str, str]] = Counter()
        for user, source, opens in events:
            if opens:
                online.opened(user, source)
                still_open[user, source] += 1
            elif still_open[user, source]:
                online.closed(user, source)
                still_open[user, source] -= 1
        expected: dict[str, dict[str, int]] = {}
        for user, source in +still_open:
            expected.setdefault(user, {})[source] = 5
        self.assertEqual(online.online(), expected)
