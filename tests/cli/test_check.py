"""``pipetwist check``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.command_line import PROGRAM, call
from tests.support.scratch import scratch_folder

_GOOD: dict[str, Any] = {
    "inbounds": [{"type": "unix", "tag": "a", "path": "in.sock"}],
    "outbounds": [{"type": "fork", "tag": "a", "command": ["cat"]}],
}


class CheckTest(SynchronousTestCase):
    """``pipetwist check``."""

    def file(self, content: object) -> str:
        path = scratch_folder(self) / "check.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    def test_good(self) -> None:
        """A good file is said to be good, with how much is in it, on standard output."""
        path = self.file(_GOOD)
        self.assertEqual(call("check", path), (0, f"{path} is valid: 1 inbound, 1 outbound.\n", ""))

    def test_note(self) -> None:
        """What is good and may surprise is a note on standard error: names to count where nothing
        is counted.
        """
        stats = {"inbounds": [_GOOD["inbounds"][0]["tag"]]}
        path = self.file({**_GOOD, "experimental": {"v2ray_api": {"stats": stats}}})
        note = (
            "experimental.v2ray_api.stats: this lists what to count, but nothing is counted "
            'without "enabled": true, as in sing-box'
        )
        self.assertEqual(
            call("check", path),
            (0, f"{path} is valid: 1 inbound, 1 outbound.\n", f"{path}:1:161: note: {note}\n"),
        )
        path = self.file(
            {**_GOOD, "experimental": {"v2ray_api": {"stats": {**stats, "enabled": True}}}}
        )
        self.assertEqual(call("check", path)[2], "")

    def test_bad(self) -> None:
        """Every problem of a bad file is a line on standard error, and the exit status is 1."""
        path = self.file({**_GOOD, "outbounds": [], "drain_timeout": 5})
        status, output, errors = call("check", path)
        self.assertEqual((status, output), (1, ""))
        self.assertEqual(
            [line.split(": ")[:2] for line in errors.splitlines()],
            [[f"{path}:1:65", "outbounds"], [f"{path}:1:82", "drain_timeout"]],
        )

    def test_collision(self) -> None:
        """Two inbounds of which one has the other's port already are a problem: every address is
        IPv4 too.
        """
        inbounds = [
            {"type": "tcp", "tag": listen, "listen": listen, "listen_port": 80}
            for listen in ("::", "0.0.0.0")
        ]
        path = self.file({**_GOOD, "inbounds": inbounds})
        status, output, errors = call("check", path)
        self.assertEqual((status, output), (1, ""))
        self.assertTrue(
            errors.startswith(
                f'{path}:1:135: inbounds[1].listen_port: 0.0.0.0:80 is taken by the inbound "::"'
            ),
            errors,
        )

    def test_here(self) -> None:
        """With --here what is missing on this machine are problems too, and without it they are not
        looked for.
        """
        path = self.file(
            {**_GOOD, "outbounds": [{"type": "fork", "tag": "a", "command": ["./none"]}]}
        )
        self.assertEqual(call("check", path)[0], 0)
        label = Path(path).parent.absolute()
        self.assertEqual(
            call("check", "--here", path),
            (1, "", f"{path}: outbound a: there is no command {label}/none\n"),
        )
        path = self.file({**_GOOD, "outbounds": [{"type": "fork", "tag": "a", "command": ["cat"]}]})
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
        """A call without a file is reported with status 2."""
        status, output, errors = call("check")
        self.assertEqual((status, output), (2, ""))
        self.assertIn("Usage: pipetwist check", errors)

    def test_several(self) -> None:
        """Of several files each is checked, and the exit status is 1 if any of them is bad."""
        good, bad = self.file(_GOOD), self.file({**_GOOD, "outbounds": []})
        status, output, errors = call("check", bad, good, good)
        self.assertEqual((status, output), (1, f"{good} is valid: 1 inbound, 1 outbound.\n" * 2))
        (line,) = errors.splitlines()
        self.assertTrue(line.startswith(f"{bad}:1:65: outbounds: at least one outbound"), line)
        self.assertEqual(call("check", good, good)[0], 0)

    def test_standard_input(self) -> None:
        """The file - is standard input, and has a name in messages."""
        for text, said in (
            (json.dumps(_GOOD), (0, "<standard input> is valid: 1 inbound, 1 outbound.\n", "")),
            ("{", (1, "", "<standard input>:1:2: the end of the file comes before the object")),
        ):
            ended = subprocess.run(
                [*PROGRAM, "check", "-"],
                input=text,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            status, output, errors = said
            self.assertEqual((ended.returncode, ended.stdout), (status, output))
            self.assertTrue(ended.stderr.startswith(errors), ended.stderr)

    def test_json(self) -> None:
        """With --json everything is told for programs, and the exit status is the same."""
        stats = {"enabled": True}
        noted = self.file({**_GOOD, "experimental": {"v2ray_api": {"stats": stats}}})
        bad = self.file({**_GOOD, "drain_timeout": 5})
        status, output, errors = call("check", "--json", noted, bad, "none.json")
        self.assertEqual((status, errors), (1, ""))
        first, second, third = json.loads(output)["files"]
        (note,) = first.pop("notes")
        self.assertEqual(first, {"file": noted, "valid": True, "problems": []})
        self.assertEqual(
            (note["line"], note["column"], note["key"]), (1, 161, "experimental.v2ray_api.stats")
        )
        (problem,) = second["problems"]
        self.assertEqual((second["valid"], second["notes"]), (False, []))
        self.assertTrue(problem["text"].startswith("5 is not a duration"), problem)
        self.assertEqual(
            problem,
            {
                "line": 1,
                "column": 130,
                "key": "drain_timeout",
                "text": problem["text"],
            },
        )
        (missing,) = third["problems"]
        self.assertEqual((missing["line"], missing["column"], missing["key"]), (None, None, ""))
        self.assertEqual(call("check", "--json", noted)[0], 0)

    def test_endpoints(self) -> None:
        """An endpoint string of a kind that nobody here knows is a problem, with the kinds that
        there are; Twisted's own, in its own spelling, are none.
        """
        endpoint = {"type": "endpoint", "tag": "a"}
        for section, text, known in (
            ("inbounds", "tpc:80", '"systemd", "tcp", '),
            ("outbounds", "tpc:127.0.0.1:80", '"ssl", "tcp", '),
        ):
            path = self.file({**_GOOD, section: [{**endpoint, "endpoint": text}]})
            status, _, errors = call("check", path)
            self.assertEqual(status, 1)
            said = f'{section}[0].endpoint: no kind of endpoint is called "tpc"'
            self.assertIn(said, errors)
            self.assertIn(known, errors)
        for section, text in (
            ("inbounds", "tcp:80"),
            ("inbounds", "systemd:domain=UNIX:name=pipe"),
            ("outbounds", "TCP:127.0.0.1:80"),
            ("outbounds", "tls:example.org:443"),
        ):
            path = self.file({**_GOOD, section: [{**endpoint, "endpoint": text}]})
            self.assertEqual(call("check", path)[::2], (0, ""), text)

    def test_module(self) -> None:
        """``python -m pipetwist`` is the command."""
        path = self.file(_GOOD)
        ended = subprocess.run(
            [PROGRAM[0], "-m", "pipetwist", "check", path],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(
            (ended.returncode, ended.stdout, ended.stderr),
            (0, f"{path} is valid: 1 inbound, 1 outbound.\n", ""),
        )
