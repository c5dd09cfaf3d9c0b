"""The command pipetwist, as people call it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

import pipetwist
from pipetwist.cli.main import main
from pipetwist.config.schema import document_schema
from tests.support.command_line import PROGRAM, call

_GOOD: dict[str, Any] = {
    "inbounds": [{"type": "unix", "tag": "a", "path": "in.sock"}],
    "outbounds": [
        {"type": "fork", "tag": "a", "command": ["cat"]},
        {"type": "unix", "tag": "b", "path": "out.sock"},
    ],
}


class CheckTest(SynchronousTestCase):
    """``pipetwist check``."""

    def _file(self, content: object) -> str:
        path = Path(self.mktemp())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    def test_good(self) -> None:
        """A good file is said to be good, with how much is in it, on standard output."""
        path = self._file(_GOOD)
        self.assertEqual(
            call("check", path), (0, f"{path} is valid: 1 inbound, 2 outbounds.\n", "")
        )

    def test_note(self) -> None:
        """What is good and may surprise is a note on standard error: names to count where nothing
        is counted.
        """
        stats = {"inbounds": [_GOOD["inbounds"][0]["tag"]]}
        path = self._file({**_GOOD, "experimental": {"v2ray_api": {"stats": stats}}})
        note = (
            "experimental.v2ray_api.stats lists what to count, but nothing is counted without "
            '"enabled": true, as in sing-box'
        )
        self.assertEqual(
            call("check", path),
            (0, f"{path} is valid: 1 inbound, 2 outbounds.\n", f"{path}: note: {note}\n"),
        )
        path = self._file(
            {**_GOOD, "experimental": {"v2ray_api": {"stats": {**stats, "enabled": True}}}}
        )
        self.assertEqual(call("check", path)[2], "")

    def test_bad(self) -> None:
        """Every problem of a bad file is a line on standard error, and the exit status is 1."""
        path = self._file({**_GOOD, "outbounds": [], "drain_timeout": 5})
        status, output, errors = call("check", path)
        self.assertEqual((status, output), (1, ""))
        self.assertEqual(
            [line.split(": ")[:2] for line in errors.splitlines()],
            [[path, "outbounds"], [path, "drain_timeout"]],
        )

    def test_collision(self) -> None:
        """Two inbounds of which one has the other's port already are a problem: every address is
        IPv4 too.
        """
        inbounds = [
            {"type": "tcp", "tag": listen, "listen": listen, "listen_port": 80}
            for listen in ("::", "0.0.0.0")
        ]
        path = self._file({**_GOOD, "inbounds": inbounds})
        status, output, errors = call("check", path)
        self.assertEqual((status, output), (1, ""))
        self.assertTrue(
            errors.startswith(
                f'{path}: inbounds[1].listen_port: 0.0.0.0:80 is taken by the inbound "::"'
            ),
            errors,
        )

    def test_here(self) -> None:
        """With --here what is missing on this machine are problems too, and without it they are not
        looked for.
        """
        path = self._file(
            {**_GOOD, "outbounds": [{"type": "fork", "tag": "a", "command": ["./none"]}]}
        )
        self.assertEqual(call("check", path)[0], 0)
        label = Path(path).parent.absolute()
        self.assertEqual(
            call("check", "--here", path),
            (1, "", f"{path}: outbound a: there is no command {label}/none\n"),
        )
        path = self._file(
            {**_GOOD, "outbounds": [{"type": "fork", "tag": "a", "command": ["cat"]}]}
        )
        self.assertEqual(
            call("check", "--here", path), (0, f"{path} is valid: 1 inbound, 1 outbound.\n", "")
        )

    def test_missing(self) -> None:
        """A file that is not there is a problem of the file, in one line."""
        self.assertEqual(
            call("check", "none.json"),
            (1, "", "none.json: the file can't be read: No such file or directory\n"),
        )

    def test_usage(self) -> None:
        """A call without a file, or with one too many, is reported with status 2."""
        for arguments in (["check"], ["check", "a", "b"]):
            status, output, errors = call(*arguments)
            self.assertEqual((status, output), (2, ""))
            self.assertIn("Usage: pipetwist check", errors)


class SchemaTest(SynchronousTestCase):
    """``pipetwist schema``."""

    def test_schema(self) -> None:
        """The JSON Schema of a configuration is printed."""
        status, output, errors = call("schema")
        self.assertEqual((status, json.loads(output), errors), (0, document_schema(), ""))


class CommandTest(SynchronousTestCase):
    """The command as a whole."""

    def test_version(self) -> None:
        """The version is printed."""
        self.assertEqual(call("--version"), (0, f"pipetwist {pipetwist.__version__}\n", ""))

    def test_help(self) -> None:
        """The help names every command."""
        _, output, _ = call("--help")
        self.assertEqual([name for name in main.commands if f"  {name}  " not in output], [])
        self.assertLessEqual(
            {"init", "check", "schema", "stats", "sys", "online", "top", "completion"},
            set(main.commands),
        )

    def test_unknown(self) -> None:
        """An unknown command is told with status 2."""
        status, _, errors = call("chek")
        self.assertEqual(status, 2)
        self.assertIn("No such command", errors)

    def test_process(self) -> None:
        """In a process of its own a bad file ends with status 1, without a traceback."""
        ended = subprocess.run(
            [*PROGRAM, "check", "none.json"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertEqual(
            ended.stderr, "none.json: the file can't be read: No such file or directory\n"
        )
