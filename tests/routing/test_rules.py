"""What a rule may be, and for which connections it holds."""

from __future__ import annotations

import ipaddress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.routing.router import Router
from pipetwist.routing.rules import RuleOptions


def _matching(rule: RuleOptions, *clients: tuple[str, str | None, str]) -> list[bool]:
    """Whether a rule holds for clients: for each its inbound, its user, and its source."""
    router = Router([rule], "none", datagrams=["udp"])
    return [router.decide(*client).rule == 0 for client in clients]


class RuleTest(SynchronousTestCase):
    """One rule."""

    def test_no_condition(self) -> None:
        """A rule without conditions holds for everybody."""
        self.assertEqual(_matching(RuleOptions(outbound="x"), ("in", None, "")), [True])

    def test_inbound(self) -> None:
        """A rule of inbounds holds for those."""
        rule = RuleOptions(inbound=("a", "b"), outbound="x")
        self.assertEqual(
            _matching(rule, ("a", None, ""), ("b", None, ""), ("c", None, "")), [True, True, False]
        )

    def test_user(self) -> None:
        """A rule of users holds for those, and never for nobody."""
        rule = RuleOptions(auth_user=("alice", "bob"), outbound="x")
        users = ("alice", "bob", "carol", None)
        self.assertEqual(
            _matching(rule, *(("in", user, "") for user in users)), [True, True, False, False]
        )

    def test_network(self) -> None:
        """Streams are tcp and datagrams are udp."""
        for network, expected in ((("tcp",), [True, False]), (("udp",), [False, True])):
            rule = RuleOptions(network=network, outbound="x")  # type: ignore[arg-type]  # its two values
            self.assertEqual(_matching(rule, ("in", None, ""), ("udp", None, "")), expected)

    def test_source(self) -> None:
        """A client is in a network by its address; one by a unix socket or vsock is in none."""
        rule = RuleOptions(source_ip_cidr=("10.0.0.0/8", "2001:db8::/32", "::1/128"), outbound="x")
        sources = {
            "10.255.255.255": True,
            "11.0.0.0": False,
            "2001:db8::7": True,
            "2001:db9::": False,
            "::1": True,
            "pid:10": False,
            "unix": False,
            "vsock:3": False,
            "": False,
        }
        self.assertEqual(
            _matching(rule, *(("in", None, source) for source in sources)), list(sources.values())
        )

    def test_private(self) -> None:
        """What is private is what sing-box takes for it, each network to its ends."""
        rule = RuleOptions(source_ip_is_private=True, outbound="x")
        private = (
            *("10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0"),
            *("127.0.0.1", "169.254.1.1", "224.0.0.1", "0.0.0.0"),
            *("::1", "::", "fc00::", "fdff::1", "fe80::1%eth0", "ff02::1"),
        )
        public = (
            *("9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.169.0.0"),
            *("128.0.0.1", "169.253.1.1", "223.255.255.255", "240.0.0.1", "0.0.0.1"),
            *("100.64.0.1", "::2", "2001:db8::1", "fe00::", "pid:1"),
        )
        for sources, expected in ((private, True), (public, False)):
            self.assertEqual(
                _matching(rule, *(("in", None, source) for source in sources)),
                [expected] * len(sources),
            )

    def test_either_source(self) -> None:
        """Of the two conditions on the source one is enough, as in sing-box."""
        rule = RuleOptions(
            source_ip_cidr=("192.0.2.0/24",), source_ip_is_private=True, outbound="x"
        )
        self.assertEqual(
            _matching(rule, *(("in", None, one) for one in ("192.0.2.1", "10.0.0.1", "8.8.8.8"))),
            [True, True, False],
        )

    def test_every_condition(self) -> None:
        """Every other condition must hold; where the rule is inverted, at least one must not."""
        clients = [
            (inbound, user, source)
            for inbound in ("tcp", "udp")
            for user in ("alice", "bob")
            for source in ("10.0.0.1", "11.0.0.1")
        ]
        for invert in (False, True):
            rule = RuleOptions(
                network=("tcp",),
                auth_user=("alice",),
                source_ip_cidr=("10.0.0.0/8",),
                invert=invert,
                outbound="x",
            )
            self.assertEqual(
                _matching(rule, *clients),
                [(client == ("tcp", "alice", "10.0.0.1")) is not invert for client in clients],
            )

    def test_inverted_alone(self) -> None:
        """Each condition is inverted by itself too: users are everybody else, nobody included."""
        for rule, clients, expected in (
            (
                RuleOptions(auth_user=("alice",), invert=True, outbound="x"),
                [("a", "alice", ""), ("a", "bob", ""), ("a", None, "")],
                [False, True, True],
            ),
            (
                RuleOptions(inbound=("a",), invert=True, outbound="x"),
                [("a", None, ""), ("b", None, "")],
                [False, True],
            ),
            (
                RuleOptions(network=("udp",), invert=True, outbound="x"),
                [("a", None, ""), ("udp", None, "")],
                [True, False],
            ),
            (
                RuleOptions(source_ip_cidr=("10.0.0.0/8",), invert=True, outbound="x"),
                [("a", None, "10.0.0.1"), ("a", None, "11.0.0.1"), ("a", None, "pid:1")],
                [False, True, True],
            ),
        ):
            self.assertEqual(_matching(rule, *clients), expected, rule)

    def test_impossible(self) -> None:
        """A rule that leads nowhere, to two places, or can't hold is refused."""
        wrong: dict[str, Any]
        for wrong, said in (
            ({}, "needs an outbound"),
            ({"action": "reject", "outbound": "x"}, "has no outbound"),
            ({"invert": True, "outbound": "x"}, "always holds"),
        ):
            with self.assertRaisesRegex(ValueError, said):
                RuleOptions(**wrong)

    @given(
        st.lists(st.ip_addresses(), min_size=1, max_size=6),
        st.lists(st.integers(0, 32), min_size=6, max_size=6),
        st.ip_addresses(),
    )
    def test_any_networks(
        self, firsts: list[ipaddress.IPv4Address], lengths: list[int], client: object
    ) -> None:
        """Whatever the networks are, overlapping ones too, a client is in them if it is in one."""
        networks = [
            ipaddress.ip_network(f"{first}/{length}", strict=False)
            for first, length in zip(firsts, lengths, strict=False)
        ]
        rule = RuleOptions(source_ip_cidr=tuple(map(str, networks)), outbound="x")
        for source in (client, *(network.broadcast_address for network in networks)):
            self.assertEqual(
                _matching(rule, ("in", None, str(source))),
                [any(source in network for network in networks)],
            )
