"""Which user a client is."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.identity import Identity
from pipetwist.kinds.user_options import UserOptions
from pipetwist.tls.peer_names import PeerNames
from pipetwist.users.index import UserIndex
from pipetwist.values.networks import parse_network


def found(
    users: Sequence[UserOptions], host: str | None = None, identity: Identity | None = None
) -> str | None:
    """Who a client is."""
    return UserIndex(users).find(host, identity)


def scanned(
    users: Sequence[UserOptions], host: str | None, identity: Identity | None
) -> str | None:
    """Who a client is, by a plain scan of the list for each of the ways, in their order."""
    uid, gid, groups, certificate = identity or Identity()
    near = [
        user
        for user in users
        if user.source is None
        or (
            host is not None
            and any(ip_address(host) in ip_network(network) for network in user.source)
        )
    ]
    shown = ("", ()) if certificate is None else (certificate.common_name, certificate.alternative)
    of_certificates = [user for user in near if user.certificate_name or user.certificate_san]
    ways = (
        [user for user in near if user.uid is not None and user.uid == uid],
        [user for user in near if user.gid is not None and user.gid == gid],
        [user for user in near if user.gid is not None and user.gid in groups],
        [
            user
            for user in of_certificates
            if user.certificate_name in (None, shown[0])
            and (user.certificate_san is None or user.certificate_san in shown[1])
        ],
        [user for user in near if user.known_by == ["source"]],
    )
    return next((user.name for way in ways for user in way), None)


class FindTest(SynchronousTestCase):
    """The order of the ways, and of the list."""

    def test_order(self) -> None:
        """The first entry by uid counts, and only then the first by gid, by certificate, and by
        address alone, wherever they stand.
        """
        users = (
            UserOptions(name="near", source=("10.0.0.0/8",)),
            UserOptions(name="shown", certificate_name="alice"),
            UserOptions(name="group", gid=50),
            UserOptions(name="other", uid=7),
            UserOptions(name="me", uid=1000),
            UserOptions(name="again", uid=1000),
            UserOptions(name="late", gid=50),
            UserOptions(name="nearer", source=("10.1.0.0/16",)),
        )
        alice = PeerNames("alice", ())
        for identity, user in (
            (Identity(1000, 50, (), alice), "me"),
            (Identity(1001, 50, (), alice), "group"),
            (Identity(1001, 51, {50}, alice), "group"),
            (Identity(1001, 51, (), alice), "shown"),
            (Identity(1001, 51), "near"),
            (None, "near"),
        ):
            self.assertEqual(found(users, "10.1.2.3", identity), user)
        self.assertIsNone(found(users, "11.1.2.3", Identity(1001, 51)))

    def test_root(self) -> None:
        """Number 0 is a number as any other."""
        root, wheel = UserOptions(name="root", uid=0), UserOptions(name="wheel", gid=0)
        self.assertEqual(found([root], None, Identity(0, 0)), "root")
        self.assertEqual(found([wheel], None, Identity(5, 0)), "wheel")
        self.assertIsNone(found([root], None, Identity(5, 0)))
        self.assertIsNone(found([root, wheel], None, Identity()))
        self.assertEqual(found([wheel], None, Identity(groups={0})), "wheel")

    def test_other_groups(self) -> None:
        """A gid matches any group that the client is in, its primary one before the others."""
        users = (UserOptions(name="other", gid=60), UserOptions(name="main", gid=50))
        for gid, groups, user in ((50, {60}, "main"), (51, {50, 60}, "other"), (51, {61}, None)):
            self.assertEqual(found(users, None, Identity(7, gid, groups)), user)

    def test_each_suffices(self) -> None:
        """Of an entry with a uid, a gid and a certificate each suffices."""
        users = [UserOptions(name="all", uid=1, gid=2, certificate_san="DNS:a.example")]
        names = PeerNames("", ["DNS:a.example"])
        for identity in (Identity(1, 9), Identity(9, 2), Identity(9, 9, (), names)):
            self.assertEqual(found(users, "10.0.0.1", identity), "all")
        self.assertIsNone(found(users, "10.0.0.1", Identity(9, 9)))

    def test_source_besides(self) -> None:
        """Beside another key an address is one more condition, and never suffices."""
        users = (
            UserOptions(name="at home", uid=1000, source=("10.0.0.0/8", "fd00::/8")),
            UserOptions(name="elsewhere", uid=1000),
            UserOptions(name="guest", uid=1001, source=("10.0.0.0/8",)),
        )
        for host, uid, user in (
            ("10.9.9.9", 1000, "at home"),
            ("fd00::1", 1000, "at home"),
            ("11.9.9.9", 1000, "elsewhere"),
            (None, 1000, "elsewhere"),
            ("10.9.9.9", 1001, "guest"),
            ("11.9.9.9", 1001, None),
            ("10.9.9.9", 1002, None),
        ):
            self.assertEqual(found(users, host, Identity(uid, 5)), user)

    def test_list_decides(self) -> None:
        """Among networks the list's order decides, and not how long they are."""
        wide, narrow = (
            UserOptions(name=name, source=(source,))
            for name, source in (("wide", "0.0.0.0/0"), ("narrow", "192.0.2.7/32"))
        )
        self.assertEqual(found([wide, narrow], "192.0.2.7"), "wide")
        self.assertEqual(found([narrow, wide], "192.0.2.7"), "narrow")
        self.assertIsNone(found([wide, narrow], "::1"))

    def test_addresses(self) -> None:
        """An IPv4 address within IPv6 is the IPv4 one, an interface does not matter, and what is
        no address is in no network.
        """
        users = [
            UserOptions(name="four", source=("192.0.2.0/24",)),
            UserOptions(name="local", source=("fe80::/10",)),
            UserOptions(name="six", source=("::/0",)),
        ]
        for host, user in (
            ("::ffff:192.0.2.7", "four"),
            ("fe80::1%eth0", "local"),
            ("2001:db8::1", "six"),
            ("::ffff:198.51.100.1", None),
            ("198.51.100.1", None),
            ("", None),
            ("pid:99", None),
            ("vsock:3", None),
        ):
            self.assertEqual(found(users, host), user, host)

    def test_shown(self) -> None:
        """It says how many there are."""
        index = UserIndex([UserOptions(name="a", uid=1)])
        index.add(UserOptions(name="b", gid=1))
        self.assertEqual((repr(index), len(index)), ("<UserIndex of 2 entries>", 2))


_HOSTS = ("10.0.0.1", "10.0.1.1", "10.1.0.1", "192.0.2.1", "2001:db8::1", "2001:db8:1::1", "::1")
_SANS = ("DNS:a", "DNS:b", "URI:a")
_NETWORKS = st.builds(
    lambda host, length: parse_network(f"{host}/{length if ':' in host else length // 4}"),
    st.sampled_from(_HOSTS),
    st.integers(0, 128),
)


@st.composite
def _users(draw: st.DrawFn) -> UserOptions:
    few = st.none() | st.integers(0, 3)
    keys: dict[str, Any] = {
        "uid": draw(few),
        "gid": draw(few),
        "certificate_name": draw(st.none() | st.sampled_from("ab")),
        "certificate_san": draw(st.none() | st.sampled_from(_SANS)),
        "source": draw(st.none() | st.lists(_NETWORKS, min_size=1, max_size=3).map(tuple)),
    }
    if not any(value is not None for value in keys.values()):
        keys["uid"] = 1
    return UserOptions(name=draw(st.sampled_from("stuvwxyz")), **keys)


_IDENTITIES = st.builds(
    Identity,
    st.none() | st.integers(0, 3),
    st.none() | st.integers(0, 3),
    st.frozensets(st.integers(0, 3)),
    st.none()
    | st.builds(PeerNames, st.sampled_from(["", "a", "b", "c"]), st.lists(st.sampled_from(_SANS))),
)


class ScanTest(SynchronousTestCase):
    """The index beside a plain scan."""

    @given(
        st.lists(_users(), max_size=12),
        st.none() | st.sampled_from(_HOSTS),
        st.none() | _IDENTITIES,
    )
    def test_any(
        self, users: list[UserOptions], host: str | None, identity: Identity | None
    ) -> None:
        """Whatever the list, and whoever comes: both find the same user."""
        self.assertEqual(found(users, host, identity), scanned(users, host, identity))
