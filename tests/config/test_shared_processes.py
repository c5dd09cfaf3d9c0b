"""What is said of inbounds and outbounds that share a process."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.notes import notes
from tests.support.documents import read, small


def _transport(tag: str, transport: str, command: str = "obfs4proxy") -> dict[str, Any]:
    return {
        "type": "pt",
        "tag": tag,
        "transport": transport,
        "command": [command],
        "state_path": "state",
    }


class SharedProcessesTest(SynchronousTestCase):
    """Pluggable transports."""

    def found(self, **sections: Any) -> list[str]:
        """The notes on processes in a document with these sections."""
        told = map(str, notes(read({**small(), **sections}), root=False))
        return [note for note in told if "shares its process" in note]

    def test_inbounds(self) -> None:
        """Those of one process are told, and not who has another."""
        inbounds = [
            {**_transport("a", "obfs3"), "listen_port": 1},
            {**_transport("b", "obfs4", "other"), "listen_port": 2, "state_path": "elsewhere"},
            {**_transport("c", "obfs4"), "listen_port": 3},
        ]
        (note,) = self.found(inbounds=inbounds)
        self.assertEqual(
            note,
            "inbounds[0]: it shares its process with inbounds[2]: a change of one that its "
            "process has to know starts it again for all, and ends their connections",
        )

    def test_outbounds(self) -> None:
        """The same of outbounds, which share none with inbounds."""
        server = {"server": "192.0.2.1", "server_port": 443}
        outbounds = [{**_transport(tag, "obfs4"), **server} for tag in "abc"]
        (note,) = self.found(outbounds=outbounds)
        self.assertIn(
            "outbounds[0]: it shares its process with outbounds[1] and outbounds[2]", note
        )
        inbound = {**_transport("in", "obfs4"), "listen_port": 1}
        self.assertEqual(self.found(inbounds=[inbound], outbounds=outbounds[:1]), [])
