"""What is good in a configuration and may surprise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.notes import notes
from pipetwist.config.reading import parse_document

_UNIX = {"type": "unix", "tag": "db", "path": "/run/db.sock"}
_CAT = {"type": "fork", "tag": "cat", "command": ["cat"]}


class LentRightsTest(SynchronousTestCase):
    """A daemon that runs as root, in front of a unix socket."""

    def told(
        self, inbound: dict[str, Any], *outbounds: dict[str, Any], root: bool = True
    ) -> list[str]:
        """The notes for an inbound and these outbounds, of which the first takes everything."""
        document = {"inbounds": [{"tag": "in", **inbound}], "outbounds": list(outbounds)}
        read = parse_document(json.dumps(document), Path("/"), "test.json")
        told = map(str, notes(read, root=root))
        return [note for note in told if "no connection goes to" not in note]

    def test_others(self) -> None:
        """Where others may come in it is said that the server takes them for root."""
        for inbound in (
            {"type": "tcp", "listen_port": 1},
            {"type": "unix", "path": "/run/in.sock", "mode": "0660"},
        ):
            (note,) = self.told(inbound, _UNIX, _CAT)
            self.assertTrue(
                note.startswith(
                    'outbounds[0]: its server sees every client of the inbound "in" as root'
                ),
                note,
            )

    def test_nobody_else(self) -> None:
        """Nothing is said where the daemon is not root, where root alone comes in, and where
        nothing leads to a unix socket.
        """
        tcp = {"type": "tcp", "listen_port": 1}
        self.assertEqual(self.told(tcp, _UNIX, root=False), [])
        self.assertEqual(self.told({"type": "unix", "path": "/run/in.sock"}, _UNIX), [])
        self.assertEqual(self.told(tcp, _CAT, _UNIX), [])


class UnreachableLimitsTest(SynchronousTestCase):
    """Limits of users above those of their inbounds."""

    def told(self, **keys: Any) -> list[str]:
        """The notes about limits."""
        document = {
            "inbounds": [
                {
                    "type": "unix",
                    "tag": "low",
                    "path": "low",
                    "limits": {"up_mbps": 10},
                    "users": "*",
                },
                {"type": "unix", "tag": "high", "path": "high", "users": ["bob"]},
            ],
            "outbounds": [_UNIX],
            **keys,
        }
        read = parse_document(json.dumps(document), Path("/"), "test.json")
        return [note for note in map(str, notes(read, root=False)) if "be reached" in note]

    def test_above(self) -> None:
        """One is told of where every inbound of the user has less."""
        limits = {"up_mbps": 20, "down_mbps": 20}
        users = [{"name": name, "uid": 1, "limits": limits} for name in ("alice", "bob")]
        (note,) = self.told(users=users)
        self.assertEqual(
            note,
            'users[0].limits.up_mbps: 20 can\'t be reached: no inbound where "alice" comes in '
            "has up_mbps of more than 10",
        )

    def test_counts(self) -> None:
        """One is told as well of how many connections there may be, and how many in a second."""
        bounds = {"max_connections": 5, "connections_per_second": 2}
        low = {"type": "unix", "tag": "low", "path": "low", "limits": bounds, "users": "*"}
        more = {key: figure + 1 for key, figure in bounds.items()}
        told = self.told(users=[{"name": "bob", "uid": 1, "limits": more}], inbounds=[low])
        self.assertEqual(
            [note.partition(":")[0] for note in told],
            [f"users[0].limits.{key}" for key in bounds],
        )
        users = [{"name": "bob", "uid": 1, "limits": bounds}]
        self.assertEqual(self.told(users=users, inbounds=[low]), [])

    def test_default(self) -> None:
        """Those of everybody are looked at as well."""
        users = [{"name": "bob", "uid": 1}]
        self.assertEqual(self.told(users=users, default_limits={"up_mbps": 20}), [])
        own = [{"name": "carol", "uid": 2, "limits": {"up_mbps": 11}}, "bob"]
        low = {"type": "unix", "tag": "low", "path": "low", "limits": {"up_mbps": 10}, "users": own}
        told = self.told(users=users, inbounds=[low], default_limits={"up_mbps": 20})
        self.assertEqual(
            [note.partition(":")[0] for note in told],
            ["inbounds[0].users[0].limits.up_mbps", "default_limits.up_mbps"],
        )

    def test_fitting(self) -> None:
        """Nothing is said of one that can be reached, or of none."""
        users = [{"name": "alice", "uid": 1, "limits": {"up_mbps": 10, "down_mbps": None}}]
        self.assertEqual(self.told(users=[*users, {"name": "bob", "uid": 2}]), [])
