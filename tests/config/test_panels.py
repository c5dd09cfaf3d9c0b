"""Names that panels can't take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.panels import PANELS
from pipetwist.config.reading import parse_document
from tests.support.command_line import call

_UUID = "6fd0b8f4-8a9d-4b0e-9f57-0c8a0f1f9a11"


def _document(
    users: Sequence[str] = (), inbound: str = "in", outbound: str = "out"
) -> dict[str, Any]:
    known = [{"name": name, "uid": number} for number, name in enumerate(users)]
    stats = {"enabled": True, "users": list(users), "inbounds": [inbound], "outbounds": [outbound]}
    return {
        "inbounds": [
            {
                "type": "unix",
                "tag": inbound,
                "path": "/run/in.sock",
                **({"users": known} if known else {}),
            }
        ],
        "outbounds": [{"type": "fork", "tag": outbound, "command": ["cat"]}],
        "experimental": {"v2ray_api": {"stats": stats}},
    }


class PanelsTest(SynchronousTestCase):
    """``pipetwist check --panel``."""

    def key_paths(self, panel: str, document: dict[str, Any]) -> list[str]:
        """Where something is that the panel can't take."""
        found = PANELS[panel](parse_document(json.dumps(document), Path("/"), "test.json"))
        return [str(problem).partition(": ")[0].rpartition("stats.")[2] for problem in found]

    def test_marzban(self) -> None:
        """Marzban reads a number before the first dot."""
        users = ["7.alice", "12", "alice", "7-alice", ".alice"]
        self.assertEqual(
            self.key_paths("marzban", _document(users)), ["users[2]", "users[3]", "users[4]"]
        )

    def test_hiddify(self) -> None:
        """Hiddify reads a UUID before an @."""
        self.assertEqual(
            self.key_paths("hiddify", _document([f"{_UUID}@alice", "7.alice", _UUID])),
            ["users[1]", "users[2]"],
        )

    def test_three_x_ui(self) -> None:
        """3x-ui adds up an inbound and an outbound of one tag, and leaves out ``api``."""
        self.assertEqual(
            self.key_paths("3x-ui", _document(inbound="same", outbound="same")), ["outbounds[0]"]
        )
        self.assertEqual(self.key_paths("3x-ui", _document(inbound="api")), ["inbounds[0]"])
        self.assertEqual(self.key_paths("3x-ui", _document()), [])

    def test_command(self) -> None:
        """The command says what the panel can't take, where and why, with exit status 1; without
        the option nothing of it is wrong.
        """
        file = Path(self.mktemp()).absolute()
        file.write_text(json.dumps(_document(["alice"])), encoding="utf-8")
        self.assertEqual(call("check", str(file))[0], 0)
        status, output, errors = call("check", "--panel", "marzban", str(file))
        self.assertEqual((status, output), (1, ""))
        wanted = (
            "Marzban wants the number that it has for the user, a dot and the name, as in "
            '7.alice, and not "alice"'
        )
        self.assertIn(f"{file}:1:246: experimental.v2ray_api.stats.users[0]: {wanted}", errors)
        self.assertEqual(call("check", "--panel", "hiddify", str(file))[0], 1)
        self.assertEqual(call("check", "--panel", "3x-ui", str(file))[0], 0)
