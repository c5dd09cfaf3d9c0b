"""``pipetwist status``."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace

from twisted.internet.threads import deferToThread

from pipetwist import __version__
from pipetwist.connection.cause import Cause
from pipetwist.errors import StartError
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.service.tree import PipetwistService
from pipetwist.web.options import WebOptions
from tests.control.case import ControlCase
from tests.support.command_line import TerminalCall, call, plain
from tests.support.scratch import wait_until


class StatusTest(ControlCase):
    """A daemon's control service, and the command."""

    async def run_it(self, *arguments: str) -> tuple[int | str | None, str, str]:
        """Ask the daemon."""
        return await deferToThread(call, "status", "-s", f"unix:{self.path}", *arguments)

    async def begun(self) -> PipetwistService:
        """A tree with an open connection, one that was closed, and clients who were refused."""
        tree = self.start(WebOptions(listen="127.0.0.1:0"))
        for _ in range(2):
            await self.connect()
        table = tree.relay.connection_table
        table.connections()[0].stop("closed by somebody", Cause.CLOSED)
        # A command's connection has ended when the command has.
        await deferToThread(wait_until, lambda: len(table) == 1, "it to end")
        table.rejected("in", Cause.REFUSED)
        table.rejected("in", Cause.REFUSED)
        return tree

    async def fail_reload(self, tree: PipetwistService) -> None:
        """A reload that can't be."""
        document = tree.document
        bad = UnixInboundOptions(tag="bad", path=str(self.folder / "nowhere" / "bad"))
        with self.assertRaises(StartError):
            await tree.reload(replace(document, inbounds=(*document.inbounds, bad)))

    async def test_lines(self) -> None:
        """Each fact is a line of fields, and the status is 0."""
        tree = await self.begun()
        status, output, errors = await self.run_it()
        self.assertEqual((status, errors), (0, ""))
        lines = [line.split("\t") for line in output.splitlines()]
        self.assertEqual(
            [one[0] for one in lines[:5]], ["version", "started", "uptime", "open", "connections"]
        )
        self.assertEqual(lines[0][1], __version__)
        self.assertLessEqual(abs(time.time() - float(lines[1][1]) - float(lines[2][1])), 60)
        self.assertEqual((lines[3][1], lines[4][1]), ("1", "2"))
        self.assertEqual(
            [*lines[5:-2], *(line[:5] for line in lines[-2:])],
            [
                ["listener", "inbound packets", "127.0.0.1:0", "listens"],
                ["listener", "inbound in", f"unix:{self.folder / 'in'}", "listens"],
                ["listener", "inbound known", f"unix:{self.folder / 'known'}", "listens"],
                ["listener", "control", str(tree.control.address), "listens"],
                ["listener", "metrics", str(tree.web.address), "listens"],
                ["failed", "in", "echo", "closed", "1"],
                ["failed", "in", "-", "refused", "2"],
            ],
        )
        self.assertEqual([line[6] for line in lines[-2:]], ["closed by somebody", "-"])
        for line in lines[-2:]:
            self.assertLessEqual(abs(time.time() - float(line[5])), 300)

    async def test_failed_reload(self) -> None:
        """After a reload that failed the status is 1 with the reason, until one is applied."""
        tree = await self.begun()
        await self.fail_reload(tree)
        status, output, _ = await self.run_it("--json")
        found = json.loads(output)
        self.assertEqual(status, 1)
        self.assertIn("inbound bad: ", found["reload"]["problem"])
        self.assertEqual(
            [
                {key: value for key, value in one.items() if key != "last"}
                for one in found["failures"]
            ],
            [
                {
                    "inbound": "in",
                    "outbound": "echo",
                    "cause": "closed",
                    "count": 1,
                    "reason": "closed by somebody",
                },
                {
                    "inbound": "in",
                    "outbound": None,
                    "cause": "refused",
                    "count": 2,
                    "reason": None,
                },
            ],
        )
        self.assertTrue(all(abs(time.time() - one["last"]) < 300 for one in found["failures"]))
        await tree.reload(tree.document)
        status, output, _ = await self.run_it("--json")
        self.assertEqual((status, json.loads(output)["reload"]["problem"]), (0, None))

    async def test_not_listening(self) -> None:
        """The status is 1 where an inbound does not listen."""
        tree = await self.begun()
        tree.inbounds["in"].is_listening = False
        status, output, _ = await self.run_it()
        self.assertEqual(status, 1)
        self.assertIn(f"listener\tinbound in\tunix:{self.folder / 'in'}\tdoes not listen\n", output)

    async def test_no_answer(self) -> None:
        """Where nobody listens it is 2, with the reason."""
        status, output, errors = await self.run_it()
        self.assertEqual((status, output), (2, ""))
        self.assertTrue(errors.startswith("pipetwist: "), errors)

    async def test_limits(self) -> None:
        """Limits that were hit are told with whose they are, and rates with how long they held
        bytes back.
        """
        tree = self.start()
        limits = tree.relay.connection_table.limits
        for _ in range(2):
            limits.notices.hit("user alice", "max_connections", "new connections are refused")
        limits.notices.hit("user alice", "up_mbps", "bytes are held back")
        self.addCleanup(limits.notices.stop)
        self.patch(limits, "held_seconds", lambda: {("user", "alice", "up"): 12.5})
        _, output, _ = await self.run_it()
        self.assertIn("\nhit\tuser alice\tmax_connections\t2\t", output)
        self.assertIn("\nheld\tuser\talice\tup\t12.500\n", output)
        _, output, _ = await self.run_it("--json")
        hits = json.loads(output)["hits"]
        self.assertEqual([one["count"] for one in hits if one["limit"] != "up_mbps"], [2])
        shown = TerminalCall(self, ["status", "-s", f"unix:{self.path}"], columns=100)
        self.assertEqual(await deferToThread(shown.status), 0, shown.text)
        lines = [line.rstrip() for line in plain(shown.text).splitlines()]
        (hit,) = [line for line in lines if "max_connections" in line]
        self.assertRegex(
            hit, r"limits hit   max_connections of user alice, 2 times, the last \w+ ago$"
        )
        self.assertIn("             up_mbps of user alice, for 12.5 s", lines)

    async def test_narrow(self) -> None:
        """On a narrow terminal no word is broken that is not longer than a line."""
        await self.begun()
        shown = TerminalCall(self, ["status", "-s", f"unix:{self.path}"], columns=32)
        await deferToThread(shown.status)
        lines = [line.rstrip() for line in plain(shown.text).splitlines()]
        self.assertEqual(lines[:2], ["version", f"  {__version__}"])
        self.assertLessEqual(max(map(len, lines)), 32)
        text = " ".join(lines)
        for words in ("inbound packets on", "1 of in to echo: closed, the", "2 of in: refused"):
            self.assertIn(words, re.sub(" +", " ", text))

    async def test_table(self) -> None:
        """On a terminal it is a table for people."""
        tree = await self.begun()
        await self.fail_reload(tree)
        shown = TerminalCall(self, ["status", "-s", f"unix:{self.path}"], columns=100)
        self.assertEqual(await deferToThread(shown.status), 1, shown.text)
        lines = [line.rstrip() for line in plain(shown.text).splitlines()]
        self.assertEqual(lines[0], f"version      {__version__}")
        self.assertRegex(lines[1], r"^up since     \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, for .*s$")
        self.assertEqual(lines[2], "connections  1 open, 2 so far")
        self.assertEqual(
            lines[3:5],
            [
                "listens      inbound packets on 127.0.0.1:0",
                f"             inbound in on unix:{self.folder / 'in'}",
            ],
        )
        text = "\n".join(lines)
        self.assertRegex(
            text, r"failed       1 of in to echo: closed, the last \w+ ago: closed by somebody\n"
        )
        self.assertRegex(text, r"\n             2 of in: refused, the last \w+ ago\n")
        self.assertRegex(
            "\n".join(lines),
            r"last reload  .*, failed; the old configuration is in use\n +inbound bad: ",
        )
