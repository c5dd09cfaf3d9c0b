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
