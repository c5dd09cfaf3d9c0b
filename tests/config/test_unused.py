"""What has no effect in a configuration."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.notes import notes
from tests.support.documents import read

_USERS = [{"name": "alice", "uid": 1}, {"name": "bob", "uid": 2}]
_IN = {"type": "unix", "tag": "in", "path": "/run/in.sock"}
_OUT = {"type": "fork", "tag": "out", "command": ["cat"]}
_OTHER = {"type": "fork", "tag": "other", "command": ["cat"]}


class UnusedTest(SynchronousTestCase):
    """Notes, each at its place."""

    def told(self, **changed: Any) -> list[str]:
        """The notes for a document with these sections."""
        document = read({"inbounds": [_IN], "outbounds": [_OUT], **changed})
        return [str(note) for note in notes(document, root=False)]

    def test_nothing(self) -> None:
        """Of a document in which everything has its use nothing is said."""
        stats = {"enabled": True, "users": ["alice", "bob"]}
        rules = [
            {"auth_user": ["alice"], "outbound": "other"},
            {"auth_user": ["bob"], "inbound": ["in"], "outbound": "out"},
        ]
        told = self.told(
            inbounds=[{**_IN, "users": _USERS}],
            outbounds=[_OUT, _OTHER],
            route={"rules": rules},
            experimental={"v2ray_api": {"stats": stats}},
        )
        self.assertEqual(told, [])

    def test_outbound(self) -> None:
        """An outbound that neither a rule nor the rest leads to."""
        (note,) = self.told(outbounds=[_OUT, _OTHER])
        self.assertEqual(
            note,
            'outbounds[1]: no connection goes to "other": no rule of route.rules leads here, and '
            'the rest goes to "out"',
        )
        rules = [{"inbound": ["in"], "outbound": "other"}]
        (note,) = self.told(outbounds=[_OUT, _OTHER], route={"rules": rules})
        self.assertTrue(note.startswith('outbounds[0]: no connection goes to "out"'), note)

    def test_rules(self) -> None:
        """A rule behind one that takes all, or all that it would."""
        for first, second, unused in (
            ({}, {"inbound": ["in"]}, True),
            ({"inbound": ["in"]}, {"inbound": ["in"], "auth_user": ["alice"]}, True),
            ({"auth_user": ["alice", "bob"]}, {"auth_user": ["bob"]}, True),
            ({"auth_user": ["alice"]}, {"auth_user": ["alice", "bob"]}, False),
            ({"auth_user": ["alice"]}, {"inbound": ["in"]}, False),
            ({"source_ip_cidr": "::/0"}, {"inbound": ["in"]}, False),
            ({}, {"source_ip_cidr": "::/0"}, True),
            ({"source_ip_cidr": ["::1", "::2"]}, {"source_ip_cidr": "::2"}, True),
            ({"source_ip_is_private": True}, {"source_ip_cidr": "::2"}, False),
            ({"source_ip_cidr": "::2"}, {"source_ip_is_private": True}, False),
            ({"auth_user": "alice", "invert": True}, {"auth_user": "alice"}, False),
            ({"auth_user": "alice"}, {"auth_user": "alice", "invert": True}, False),
            ({"auth_user": "alice", "invert": True},) * 2 + (True,),
            ({"network": "tcp"}, {"network": "udp"}, False),
            ({"network": ["tcp", "udp"]}, {"network": "udp"}, True),
        ):
            told = self.told(
                inbounds=[{**_IN, "users": _USERS}],
                route={"rules": [{**rule, "outbound": "out"} for rule in (first, second)]},
            )
            said = (
                "route.rules[1]: this rule never decides, since route.rules[0] takes all that it "
                "would; write it before that"
            )
            self.assertEqual(told, [said] if unused else [], (first, second))

    def test_users(self) -> None:
        """Users whom nobody counts, where something is counted; of many the first are named."""
        users = [{"name": f"user{number}", "uid": number} for number in range(6)]
        inbounds = [{**_IN, "users": users}]
        stats = {"enabled": True, "users": ["user1"]}
        (note,) = self.told(inbounds=inbounds, experimental={"v2ray_api": {"stats": stats}})
        self.assertEqual(
            note,
            'inbounds[0].users: nobody counts "user0", "user2", "user3" and 2 more, since '
            "experimental.v2ray_api.stats.users does not list them",
        )
        self.assertEqual(self.told(inbounds=inbounds), [])

    def test_listed_users(self) -> None:
        """Users of the list at the top are noted as well, and none where all are counted."""
        users = [{"name": "alice", "uid": 1}, {"name": "bob", "source": ["::1"]}]
        stats: dict[str, Any] = {"enabled": True, "users": ["alice"]}
        (note,) = self.told(users=users, experimental={"v2ray_api": {"stats": stats}})
        self.assertTrue(note.startswith('users: nobody counts "bob", since experimental.'), note)
        stats["users"] = "*"
        inbounds = [{**_IN, "users": "*"}]
        more = {"experimental": {"v2ray_api": {"stats": stats}}, "inbounds": inbounds}
        self.assertEqual(self.told(users=users, **more), [])

    def test_nobody(self) -> None:
        """An inbound whose list is empty, or has become so, lets nobody in."""
        lists: tuple[object, ...] = ([], "*")
        for users in lists:
            (note,) = self.told(inbounds=[{**_IN, "users": users}])
            said = "inbounds[0].users: the list is empty, so that nobody can connect here"
            self.assertEqual(note, said)

    def test_absent(self) -> None:
        """A name that the file of users may bring, and has not."""
        document = {"inbounds": [{**_IN, "users": ["alice", "bob"]}], "users_file": "u.jsonl"}
        (note,) = self.told(**document, users=[{"name": "bob", "uid": 1}])
        self.assertTrue(note.startswith('inbounds[0].users[0]: there is no user named "alice" n'))

    def test_empty_stats(self) -> None:
        """Counting that is enabled, and counts nothing."""
        (note,) = self.told(experimental={"v2ray_api": {"stats": {"enabled": True}}})
        self.assertTrue(
            note.startswith("experimental.v2ray_api.stats: nothing is counted, since nothing"), note
        )
        stats = {"enabled": True, "inbounds": ["in"]}
        self.assertEqual(self.told(experimental={"v2ray_api": {"stats": stats}}), [])

    def test_same_uid(self) -> None:
        """The second of two users with one uid, who never comes."""
        users = [*_USERS, {"name": "carol", "uid": 1}]
        (note,) = self.told(inbounds=[{**_IN, "users": users}])
        self.assertEqual(
            note,
            'inbounds[0].users[2].uid: users[0], "alice", has this uid already, and is who such a '
            "client is",
        )

    def test_shell(self) -> None:
        """Words of a command that only a shell would know."""
        for command, said in (
            (["cat", "|", "tr", "a", "b"], '"|" is an argument of "cat" here'),
            (["cat", ">", "/dev/null"], '">" is an argument of "cat" here'),
            (["cat", "$HOME"], '"$HOME" reaches "cat" as it stands'),
            (["cat", "~/x"], '"~/x" reaches "cat" as it stands'),
            (["cat -u"], '"cat -u" is the name of one program'),
        ):
            (note,) = self.told(outbounds=[{**_OUT, "command": command}])
            self.assertTrue(note.startswith(f"outbounds[0].command: {said}"), note)
        for command in (["sh", "-c", "cat | tr a b"], ["cat", "a|b", "a > b"], ["cat"]):
            self.assertEqual(self.told(outbounds=[{**_OUT, "command": command}]), [])

    def test_variable(self) -> None:
        """A variable in a path, which is no mistake for certain."""
        (note,) = self.told(inbounds=[{**_IN, "path": "/run/$USER.sock"}])
        self.assertEqual(
            note, 'inbounds[0].path: variables are not replaced, so this is "/run/$USER.sock"'
        )
