"""Names of users, at the top of a document and at its inbounds."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.documents import problems, small

_ALICE = {"name": "alice", "uid": 1000}


class UserNamesTest(SynchronousTestCase):
    """Which names are right."""

    def said(self, users: object, *of_inbound: object, **more: object) -> list[str]:
        """What is wrong with these users, of a unix inbound too."""
        document: dict[str, Any] = small() | {"users": users} | more
        document["inbounds"][0]["users"] = list(of_inbound)
        return problems(document)

    def test_good(self) -> None:
        """A name of the list is right, and so is the same user again, or one of another name."""
        again = {"uid": 1000, "name": "alice", "gid": None}
        bob = {"name": "bob", "uid": 1001}
        self.assertEqual(self.said([_ALICE], "alice", again, bob), [])
        several = [_ALICE, {"name": "alice", "gid": 5}]
        self.assertEqual(self.said(several, _ALICE, several[1]), [])
        rules = {"rules": [{"auth_user": ["alice", "bob"], "outbound": "out"}]}
        self.assertEqual(self.said([_ALICE], bob, route=rules), [])

    def test_differs(self) -> None:
        """A name in both places for two different users is wrong, where the inbound has it."""
        (line,) = self.said([_ALICE], "alice", {"name": "alice", "uid": 1001})
        self.assertTrue(
            line.startswith('inbounds[0].users[1]: "alice" is known by something else in the li'),
            line,
        )

    def test_unknown(self) -> None:
        """A name that the list has not is wrong, also where another inbound has a user of it."""
        self.assertEqual(
            self.said([_ALICE], "alise"),
            ['inbounds[0].users[0]: the list users has none named "alise"; did you mean "alice"?'],
        )
        self.assertEqual(
            self.said([], "bob", {"name": "bob", "uid": 7}),
            ['inbounds[0].users[0]: the list users has none named "bob"'],
        )

    def test_kinds(self) -> None:
        """What is neither a name nor a user is told of, and so is a text in the place of a list."""
        said = self.said([_ALICE], "alice", 7, "a>b", {"name": "x", "uid": -1})
        self.assertEqual(
            [line.split(": ")[0] for line in said],
            ["inbounds[0].users[1]", "inbounds[0].users[2]", "inbounds[0].users[3].uid"],
        )
        for users, text in (
            ("alice", '"alice" is not a list; write ["alice"], or "*" for all of them'),
            ({}, "{} is not a list, which is written [...]"),
        ):
            document = small()
            document["inbounds"][0]["users"] = users
            self.assertEqual(problems(document), [f"inbounds[0].users: {text}"])

    def test_empty_networks(self) -> None:
        """A user of no network could never come."""
        (line,) = self.said([{"name": "a", "source": []}])
        self.assertTrue(line.startswith("users[0].source: an empty list never matches"), line)
