"""``pipetwist quota`` for people: on terminals, and of users who have none."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.command_line import TerminalCall, call, plain
from tests.support.scratch import scratch_folder

_DOCUMENT = {
    "users": [
        {
            "name": "alice",
            "uid": 1000,
            "limits": {"quota": [{"bytes": "1MiB", "per": "month"}, {"bytes": "3MiB"}]},
        },
        {"name": "bob", "uid": 2000},
    ],
    "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock", "users": "*"}],
    "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
    "experimental": {"v2ray_api": {"stats": {"store": "counters.db"}}},
}


class QuotaTest(SynchronousTestCase):
    """Quotas of which nothing was used yet."""

    def setUp(self) -> None:
        """Write a configuration."""
        self.path = str(scratch_folder(self) / "pipetwist.json")
        Path(self.path).write_text(json.dumps(_DOCUMENT), encoding="utf-8")

    def test_table(self) -> None:
        """A terminal gets a table; one that is too narrow has each figure on a line of its own, and
        no word is broken.
        """
        shown = {}
        for columns in (32, 100):
            terminal = TerminalCall(self, ["quota", "-c", self.path], columns=columns)
            self.assertEqual(terminal.status(), 0)
            remark, *lines = plain(terminal.text).splitlines()
            self.assertIn("there is no such file: nothing was used yet", remark)
            shown[columns] = [line.rstrip() for line in lines]
        self.assertEqual(
            shown[100][0].split(), ["user", "quota", "begins", "anew", "of", "used", "left"]
        )
        self.assertEqual(len(shown[100]), 3)
        self.assertRegex(shown[32].pop(6), r"^  begins anew \d{4}-\d\d-01 00:00$")
        self.assertEqual(
            shown[32],
            [
                *("alice all-both", "  begins anew never"),
                *("  of 3.0 MiB", "  used 0 B", "  left 3.0 MiB"),
                *("alice month-1-both", "  of 1.0 MiB", "  used 0 B", "  left 1.0 MiB"),
            ],
        )

    def test_nobody(self) -> None:
        """Of users who have none it is said, with the status of grep."""
        status, output, errors = call("quota", "-c", self.path, "bob", "carol")
        self.assertEqual((status, output), (1, ""))
        said = f"pipetwist: {self.path} has no quota of bob"
        self.assertEqual(errors.splitlines()[-1], f"{said}, carol")
        status, output, errors = call("quota", "-c", self.path, "alice", "bob")
        self.assertEqual((status, len(output.splitlines())), (0, 2))
        self.assertEqual(errors.splitlines()[-1], said)
