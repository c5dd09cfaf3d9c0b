"""Which outbound the rules of a route name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.routing.rules import Router, RuleOptions

_TAGS = st.sampled_from(["a", "b", "c"])
_SOME_TAGS = st.none() | st.lists(_TAGS, min_size=1, max_size=3).map(tuple)
_RULES = st.lists(
    st.builds(
        RuleOptions,
        inbound=_SOME_TAGS,
        auth_user=_SOME_TAGS,
        outbound=st.sampled_from(["x", "y", "z"]),
    ),
    max_size=5,
)


class RuleTest(SynchronousTestCase):
    """One rule."""

    def test_no_condition(self) -> None:
        """A rule without conditions holds for everybody."""
        self.assertTrue(RuleOptions(outbound="x").matches("in", None))

    def test_inbound(self) -> None:
        """A rule of inbounds holds for those."""
        rule = RuleOptions(inbound=("a", "b"), outbound="x")
        self.assertEqual([rule.matches(tag, None) for tag in ("a", "b", "c")], [True, True, False])

    def test_user(self) -> None:
        """A rule of users holds for those, and never for nobody."""
        rule = RuleOptions(auth_user=("alice", "bob"), outbound="x")
        self.assertEqual(
            [rule.matches("in", user) for user in ("alice", "bob", "carol", None)],
            [True, True, False, False],
        )

    def test_every_condition(self) -> None:
        """Every condition must hold."""
        rule = RuleOptions(inbound=("a",), auth_user=("alice",), outbound="x")
        found = [
            rule.matches(tag, user)
            for tag, user in (("a", "alice"), ("a", "bob"), ("b", "alice"), ("b", "bob"))
        ]
        self.assertEqual(found, [True, False, False, False])


class RouterTest(SynchronousTestCase):
    """Rules in order."""

    def test_no_rule(self) -> None:
        """Without rules everything goes to the final outbound."""
        self.assertEqual(Router([], "final").choose("in", "alice"), "final")

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
            ],
            "final",
        )
        self.assertEqual(router.reachable("a"), ["first", "second", "final"])
        self.assertEqual(router.reachable("c"), ["second", "first", "final"])
        self.assertEqual(router.reachable("b"), ["none"])

    def test_rules_of_an_iterator(self) -> None:
        """Rules may come from an iterator, and are tried for every connection."""
        router = Router(iter([RuleOptions(outbound="x")]), "final")
        self.assertEqual([router.choose("a", None), router.choose("b", None)], ["x", "x"])

    @given(rules=_RULES, inbound=_TAGS, user=st.none() | _TAGS)
    def test_any_rules(self, rules: list[RuleOptions], inbound: str, user: str | None) -> None:
        """Whatever the rules are, the outbound is that of the first one whose every condition names
        the client, or else the final one.
        """
        expected = "final"
        for rule in reversed(rules):
            if (rule.inbound or (inbound,)).count(inbound) and (rule.auth_user or (user,)).count(
                user
            ):
                expected = rule.outbound
        self.assertEqual(Router(rules, "final").choose(inbound, user), expected)
