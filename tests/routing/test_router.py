"""Which outbound the rules of a route name, one after another."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.routing.router import Decision, Router
from pipetwist.routing.rules import RuleOptions

_TAGS = st.sampled_from(["a", "b", "c"])
_SOME_TAGS = st.none() | st.lists(_TAGS, min_size=1, max_size=3).map(tuple)
_SOURCES = {"10.0.0.1": True, "8.8.8.8": False, "pid:1": False}


@st.composite
def _rule(draw: st.DrawFn) -> RuleOptions:
    conditions: dict[str, Any] = {
        "inbound": draw(_SOME_TAGS),
        "auth_user": draw(_SOME_TAGS),
        "source_ip_cidr": draw(st.sampled_from([None, ("10.0.0.0/8",)])),
        "source_ip_is_private": draw(st.booleans()),
        "network": draw(st.sampled_from([None, ("tcp",), ("udp",), ("tcp", "udp")])),
    }
    outbound = draw(st.sampled_from(["x", "y", None]))
    return RuleOptions(
        **conditions,
        invert=any(conditions.values()) and draw(st.booleans()),
        action="route" if outbound else "reject",
        outbound=outbound,
    )


_RULES = st.lists(_rule(), max_size=5)


class RouterTest(SynchronousTestCase):
    """Rules in order."""

    def test_no_rule(self) -> None:
        """Without rules everything goes to the final outbound."""
        self.assertEqual(Router([], "final").decide("in", "alice"), Decision(None, "final"))

    def test_first(self) -> None:
        """The first rule that holds decides, and one that does not is passed over."""
        router = Router(
            [
                RuleOptions(inbound=("b",), outbound="none"),
                RuleOptions(inbound=("a",), outbound="first"),
                RuleOptions(inbound=("a",), auth_user=("alice",), outbound="second"),
            ],
            "final",
        )
        self.assertEqual(router.choose("a", "alice"), "first")
        self.assertEqual(router.choose("c", "alice"), "final")

    def test_reject(self) -> None:
        """A rule may reject instead, which ends it as any other does."""
        router = Router(
            [
                RuleOptions(auth_user=("alice",), action="reject"),
                RuleOptions(inbound=("a",), outbound="first"),
            ],
            "final",
        )
        self.assertEqual(router.decide("a", "alice"), Decision(0, None))
        self.assertEqual(router.decide("a", "bob"), Decision(1, "first"))
        self.assertTrue(router.may_reject("a"))
        self.assertFalse(Router([RuleOptions(outbound="x")], "x").may_reject("a"))

    def test_reachable(self) -> None:
        """Connections may go where their inbound's rules say, up to the first that holds for
        everybody, or else to the final outbound.
        """
        router = Router(
            [
                RuleOptions(inbound=("b",), outbound="none"),
                RuleOptions(inbound=("a", "b"), auth_user=("alice",), outbound="first"),
                RuleOptions(auth_user=("bob",), outbound="second"),
                RuleOptions(auth_user=("carol",), outbound="first"),
                RuleOptions(network=("udp",), outbound="datagrams"),
                RuleOptions(inbound=("d",), action="reject"),
            ],
            "final",
            datagrams=("u",),
        )
        self.assertEqual(router.reachable("a"), ["first", "second", "final"])
        self.assertEqual(router.reachable("c"), ["second", "first", "final"])
        self.assertEqual(router.reachable("b"), ["none"])
        self.assertEqual(router.reachable("u"), ["second", "first", "datagrams"])
        self.assertEqual(router.reachable("d"), ["second", "first"])

    def test_both(self) -> None:
        """An inbound for streams and datagrams has ways for each; what does not say which it is, is
        a stream.
        """
        rules = [
            RuleOptions(network=("udp",), outbound="datagrams"),
            RuleOptions(network=("tcp",), inbound=("s",), action="reject"),
        ]
        router = Router(rules, "streams", datagrams=("u",), both=("b",))
        self.assertEqual(
            [router.networks(tag) for tag in "sub"], [("tcp",), ("udp",), ("tcp", "udp")]
        )
        for network, outbound in (("tcp", "streams"), ("udp", "datagrams"), (None, "streams")):
            one: Any = network
            self.assertEqual(router.choose("b", None, "", one), outbound)
            self.assertFalse(router.may_reject("b", one))
        self.assertEqual(router.reachable("b"), ["streams", "datagrams"])
        self.assertEqual(router.reachable("b", "udp"), ["datagrams"])
        self.assertEqual(router.choose("u", None), "datagrams")
        self.assertTrue(router.may_reject("s"))

    def test_rules_of_an_iterator(self) -> None:
        """Rules may come from an iterator, and are tried for every connection."""
        router = Router(iter([RuleOptions(outbound="x")]), "final")
        self.assertEqual([router.choose("a", None), router.choose("b", None)], ["x", "x"])

    def test_needs_clients(self) -> None:
        """Who a client is matters where a rule asks for its address, or says whom it rejects."""
        for rule, needed in (
            (RuleOptions(auth_user=("alice",), outbound="x"), False),
            (RuleOptions(network=("tcp",), outbound="x"), False),
            (RuleOptions(source_ip_is_private=True, outbound="x"), True),
            (RuleOptions(source_ip_cidr=("::/0",), outbound="x"), True),
            (RuleOptions(auth_user=("alice",), action="reject"), True),
        ):
            self.assertEqual(Router([rule], "final").needs_clients, needed, rule)

    @given(
        rules=_RULES,
        inbound=_TAGS,
        user=st.none() | _TAGS,
        source=st.sampled_from(list(_SOURCES)),
    )
    def test_any_rules(
        self, rules: list[RuleOptions], inbound: str, user: str | None, source: str
    ) -> None:
        """Whatever the rules are, the first one decides whose conditions all name the client, or
        where it is inverted do not; or else the final outbound. It is one that can be reached.
        """
        network = "udp" if inbound == "b" else "tcp"
        router = Router(rules, "final", datagrams="b")
        expected = Decision(None, "final")
        for index, rule in reversed(list(enumerate(rules))):
            holds = (
                (rule.inbound is None or inbound in rule.inbound)
                and (rule.auth_user is None or user in rule.auth_user)
                and (rule.network is None or network in rule.network)
                and (not rule.looks_at_sources or _SOURCES[source])
            )
            if holds is not rule.invert:
                expected = Decision(index, rule.outbound)
        self.assertEqual(router.decide(inbound, user, source), expected)
        if expected.outbound is None:
            self.assertTrue(router.may_reject(inbound))
        else:
            self.assertIn(expected.outbound, router.reachable(inbound))
