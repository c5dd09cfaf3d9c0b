"""Who may come in at each inbound."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.identity import Identity
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.inbound_options import InboundOptions, StreamInboundOptions
from pipetwist.kinds.user_options import InboundUsers, UserOptions
from pipetwist.steps import at_once
from pipetwist.users.lists import SLICE, UserLists, indexed, own_users

_ALICE = UserOptions(name="alice", uid=1)
_BOB = UserOptions(name="bob", uid=2)


def inbound(users: InboundUsers | None, tag: str = "in") -> UnixInboundOptions:
    """An inbound with these users."""
    return UnixInboundOptions(tag=tag, path="/in.sock", users=users)


def lists(users: Sequence[UserOptions], *inbounds: InboundOptions) -> UserLists:
    """Who may come in at these."""
    return at_once(indexed(users, inbounds))


class ListsTest(SynchronousTestCase):
    """The three ways of saying it."""

    def names(self, users: InboundUsers, *listed: UserOptions) -> list[str | None]:
        """Whom an inbound takes the uids 1 to 3 for."""
        options = inbound(users)
        index = lists(listed, options).of(options)
        return [index.find(None, Identity(uid, 9)) for uid in (1, 2, 3)]

    def test_all(self) -> None:
        """With an asterisk everybody of the list comes in, and nobody where that is empty."""
        self.assertEqual(self.names("*", _ALICE, _BOB), ["alice", "bob", None])
        self.assertEqual(self.names("*"), [None, None, None])

    def test_names(self) -> None:
        """With names those come in whom they are the names of, by each of their entries."""
        more = UserOptions(name="alice", uid=3)
        self.assertEqual(self.names(("alice",), _ALICE, _BOB, more), ["alice", None, "alice"])
        self.assertEqual(self.names(("bob",), _ALICE, _BOB), [None, "bob", None])

    def test_own(self) -> None:
        """Users of an inbound alone come in there, beside those with names."""
        carol = UserOptions(name="carol", uid=3)
        self.assertEqual(self.names((carol, "bob"), _ALICE, _BOB), [None, "bob", "carol"])
        self.assertEqual(self.names((carol,), _ALICE), [None, None, "carol"])

    def test_order(self) -> None:
        """With names the order of the inbound's list decides, and with an asterisk that of the
        list at the top.
        """
        both = UserOptions(name="bob", uid=1)
        self.assertEqual(self.names(("bob", "alice"), _ALICE, both)[0], "bob")
        self.assertEqual(self.names("*", _ALICE, both)[0], "alice")

    def test_empty(self) -> None:
        """An empty list is nobody's, and so is that of an inbound that is not among these."""
        self.assertEqual(self.names((), _ALICE, _BOB), [None, None, None])
        none = lists([_ALICE], inbound("*", "other"), StreamInboundOptions(tag="odd"))
        self.assertEqual(len(none.of(inbound("*"))), 0)
        self.assertEqual(repr(none), "<UserLists of other>")
        self.assertEqual(repr(lists([], inbound(None))), "<UserLists of no inbound>")

    def test_alone(self) -> None:
        """Without a list at the top an inbound has those of its own."""
        index = own_users(inbound((_ALICE, "bob")))
        self.assertEqual([index.find(None, Identity(uid)) for uid in (1, 2)], ["alice", None])

    def test_steps(self) -> None:
        """A long list is indexed in steps, and one for all inbounds that let everybody in."""
        users = [UserOptions(name=f"u{number}", uid=number) for number in range(4 * SLICE)]
        work = indexed(users, [inbound("*", "a"), inbound("*", "b")])
        self.assertEqual(sum(1 for _ in work), 4)
        known = lists(users, inbound("*", "a"), inbound("*", "b"))
        self.assertIs(known.of(inbound("*", "a")), known.of(inbound("*", "b")))

    def test_dismantle(self) -> None:
        """A long list is freed in steps, and a short one in none."""
        users = [UserOptions(name=f"u{number}", uid=number) for number in range(2500)]
        known = lists(users, inbound("*", "a"), inbound("*", "b"))
        self.assertEqual(sum(1 for _ in known.dismantle()), 2)
        self.assertIsNone(known.of(inbound("*", "a")).find(None, Identity(7)))
        self.assertEqual(sum(1 for _ in lists([_ALICE], inbound("*")).dismantle()), 0)


class OptionsTest(SynchronousTestCase):
    """Whom an inbound can know."""

    def refused(self, user: UserOptions) -> str:
        """Why an inbound tcp can't have a user."""
        return str(
            self.assertRaises(ValueError, TcpInboundOptions, tag="a", listen_port=1, users=(user,))
        )

    def test_never(self) -> None:
        """A user of an inbound alone who could never come in there is refused."""
        self.assertEqual(
            self.refused(_ALICE),
            '"alice" can\'t be known here, where a user needs a certificate_name, '
            "certificate_san or source",
        )
        shown = UserOptions(name="bob", certificate_name="b", source=("10.0.0.0/8",))
        self.assertIn('"bob" is known by a certificate, which needs tls with', self.refused(shown))

    def test_source(self) -> None:
        """One who is known by the address needs no TLS."""
        user = UserOptions(name="office", source=("10.0.0.0/8",))
        options = TcpInboundOptions(tag="a", listen_port=1, users=("alice", user))
        self.assertEqual(options.own_users, [user])

    def test_known_by(self) -> None:
        """An address is what somebody is known by only where there is nothing else."""
        self.assertEqual(UserOptions(name="a", uid=1, source=("::/0",)).known_by, ["uid"])
        self.assertEqual(UserOptions(name="a", source=("::/0",)).known_by, ["source"])
