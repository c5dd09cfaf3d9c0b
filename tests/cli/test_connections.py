"""``pipetwist connections`` and ``pipetwist close``."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.threads import deferToThread

from pipetwist.connection.client_info import ClientInfo
from pipetwist.relay.relay import Route
from pipetwist.testing import FakeOutbound, FakeSide
from tests.control.case import ControlCase
from tests.support.command_line import TerminalCall, call, plain
from tests.support.daemon import write_configuration


class _Case(ControlCase):
    async def run_it(self, *arguments: str) -> tuple[int | str | None, str, str]:
        """Run a command that asks the daemon."""
        name, *others = arguments
        return await deferToThread(call, name, "-s", f"unix:{self.path}", *others)

    async def fields(self, *arguments: str) -> list[list[str]]:
        """The fields of the lines that it prints."""
        status, output, errors = await self.run_it("connections", *arguments)
        self.assertEqual((status, errors), (0 if output else 1, ""))
        return [line.split("\t") for line in output.splitlines()]

    async def three(self) -> None:
        """A tree with three connections, the last of which is alice's."""
        self.start()
        for inbound in ("in", "in", "known"):
            await self.connect(inbound)


class ConnectionsTest(_Case):
    """Listing."""

    async def test_lines(self) -> None:
        """Each connection is a line of eight fields."""
        await self.three()
        first, second, third = await self.fields()
        self.assertEqual([one[1:4] for one in (first, second)], [["in", "echo", "-"]] * 2)
        self.assertEqual(third[1:4], ["known", "echo", "alice"])
        number, _, start = first[0].partition("@")
        self.assertEqual((number, second[0]), ("1", f"2@{start}"))
        self.assertRegex(first[4], r"^pid:\d+ uid:0 gid:0$")
        self.assertGreaterEqual(float(first[5]), float(third[5]))
        self.assertEqual(first[6:], ["5", "5"])

    async def test_chosen(self) -> None:
        """Words and options choose, and order; of nothing the status is 1, as grep's."""
        await self.three()
        for arguments, numbers in (
            (("ALICE",), ["3"]),
            (("echo", "know"), ["3"]),
            (("alice", "in"), []),
            (("--user", "alice", "--user", "bob"), ["3"]),
            (("--inbound", "in"), ["1", "2"]),
            (("--outbound", "none"), []),
            (("--older", "1h"), []),
            (("--min-bytes", "10"), ["1", "2", "3"]),
            (("--min-bytes", "1MB"), []),
            (("--sort", "age", "--limit", "2"), ["1", "2"]),
            (("--sort", "user", "-l", "3"), ["1", "2", "3"]),
            (("--min-rate", "1", "-n", "1ms"), []),
        ):
            found = [one[0].partition("@")[0] for one in await self.fields(*arguments)]
            self.assertEqual(found, numbers, arguments)

    async def test_json(self) -> None:
        """JSON has every figure; what is not known is null."""
        await self.three()
        status, output, _ = await self.run_it("connections", "--json", "alice")
        (one,) = json.loads(output)["connections"]
        self.assertEqual(status, 0)
        self.assertEqual(
            {key: one[key] for key in ("inbound", "user", "uplink", "uplink_rate")},
            {"inbound": "known", "user": "alice", "uplink": 5, "uplink_rate": None},
        )
        status, output, _ = await self.run_it("connections", "--json", "nobody")
        self.assertEqual((status, json.loads(output)), (1, {"connections": []}))

    async def test_odd_peer(self) -> None:
        """A client whose address is no Unicode, and would control a terminal, is printed with
        escapes, on one line.
        """
        tree = self.start()
        outbound = FakeOutbound("echo")
        client_info = ClientInfo("in", "/tmp/\udcff\x1b[2J\n1@1\tin", "source", "alice")
        connection = tree.relay.connection_table.open(
            Route(client_info, outbound, None), FakeSide()
        )
        connection.open(outbound)
        tree.log.set_level("error")  # the log of trial takes no such line
        (fields,) = await self.fields()
        self.assertEqual(fields[4], r"/tmp/\udcff\x1b[2J\n1@1\tin")

    async def test_rates(self) -> None:
        """Sorted by rate, the connection that moves most comes first, and rates are told."""
        await self.three()
        busy = await self.connect()

        def send_and_ask() -> tuple[int | str | None, str, str]:
            return call(
                *("connections", "-s", f"unix:{self.path}", "--json", "--sort", "rate"),
                *("-n", "500ms"),
            )

        asking = deferToThread(send_and_ask)
        for _ in range(200):
            busy.sendall(b"x" * 1000)
            await deferToThread(busy.recv, 1000)
        status, output, _ = await asking
        first = json.loads(output)["connections"][0]
        self.assertEqual((status, first["id"].partition("@")[0]), (0, "4"))
        self.assertIsNotNone(first["uplink_rate"])

    async def test_terminal(self) -> None:
        """On a terminal it is a table."""
        await self.three()
        terminal = TerminalCall(self, ["connections", "-s", f"unix:{self.path}"])
        self.assertEqual(await deferToThread(terminal.status), 0)
        lines = plain(terminal.text).splitlines()
        self.assertEqual(
            lines[0].split(),
            ["id", "inbound", "outbound", "user", "client", "age", "uplink", "downlink"],
        )
        self.assertEqual(len([line for line in lines if "echo" in line]), 3)

    async def test_narrow(self) -> None:
        """A terminal that is too narrow for the table has as much in a line as there is room for,
        and no word is broken; it is said what a connection waits for.
        """
        tree = self.start()
        await self.connect("known")
        limits = tree.relay.connection_table.limits
        self.patch(limits, "held_by", lambda connection: "up_mbps of user alice")
        for columns, most in ((140, 2), (80, 3), (32, 7)):
            terminal = TerminalCall(
                self, ["connections", "-s", f"unix:{self.path}"], columns=columns
            )
            self.assertEqual(await deferToThread(terminal.status), 0)
            lines = [line.rstrip() for line in plain(terminal.text).splitlines()]
            self.assertLessEqual(len(lines), most, lines)
            self.assertLessEqual(max(map(len, lines)), columns)
            text = " ".join(lines)
            for words in ("uid:0 gid:0", "up_mbps of user alice", "known", "downlink"):
                self.assertIn(words, text)
        self.assertRegex(lines[0], r"^1@\d+$")

    async def test_watch(self) -> None:
        """It goes on until it is ended, with the rates since the answer before."""
        await self.three()
        terminal = TerminalCall(
            self, ["connections", "-s", f"unix:{self.path}", "--json", "-w", "-n", "100ms"]
        )
        await deferToThread(
            terminal.wait_for, lambda text: text.count("connections") >= 3, "three answers"
        )
        third = plain(terminal.text).splitlines()[2]
        self.assertEqual(json.loads(third)["connections"][0]["uplink_rate"], 0)
        terminal.type("\x03")
        self.assertEqual(await deferToThread(terminal.status), 130)


class CloseTest(_Case):
    """Closing."""

    async def test_ids(self) -> None:
        """Connections are closed by their ids; the second time there are none, which is status
        1.
        """
        await self.three()
        ids = [one[0] for one in await self.fields("--inbound", "in")]
        self.assertEqual(await self.run_it("close", *ids), (0, "Closed 2 connections.\n", ""))
        status, output, errors = await self.run_it("close", ids[0])
        self.assertEqual((status, output), (1, "Closed 0 connections.\n"))
        self.assertEqual(errors, f"pipetwist: no open connection has the id {ids[0]}\n")
        self.assertEqual(len(await self.fields()), 1)

    async def test_many_ids(self) -> None:
        """However many ids are given, each is looked for."""
        await self.three()
        ids = [one[0] for one in await self.fields()]
        others = [f"{number}@1" for number in range(1, 2501)]
        status, output, _ = await self.run_it("close", "--json", *others, *ids)
        self.assertEqual(status, 0)
        self.assertEqual(json.loads(output), {"closed": 3, "unknown_ids": others})

    async def test_options(self) -> None:
        """Options choose as those of the list do, and all must hold."""
        await self.three()
        for arguments, closed in (
            (("--user", "bob"), 0),
            (("--user", "alice", "--inbound", "in"), 0),
            (("--user", "alice", "--older", "1h"), 0),
            (("--user", "alice"), 1),
            (("--older", "1ms"), 2),
        ):
            status, output, _ = await self.run_it("close", "--json", *arguments)
            self.assertEqual(json.loads(output), {"closed": closed, "unknown_ids": []}, arguments)
            self.assertEqual(status, 0 if closed else 1)

    async def test_wrong(self) -> None:
        """What does not say which closes nothing, nor what is no id; the status is 2."""
        await self.three()
        for arguments in (
            (),
            ("17",),
            ("17@x",),
            ("1@1", "--user", "alice"),
            ("--older", "0"),
            ("--older", "soon"),
        ):
            status, output, errors = await self.run_it("close", *arguments)
            self.assertEqual((status, output), (2, ""), arguments)
            self.assertIn("Error: ", errors)
        self.assertEqual(len(await self.fields()), 3)


class ServerTest(_Case):
    """Which daemon."""

    async def test_configured(self) -> None:
        """A configuration says where its control service listens."""
        await self.three()
        document: dict[str, Any] = {
            "inbounds": [{"type": "unix", "tag": "in", "path": "in"}],
            "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
            "control": {"listen": f"unix:{self.path}"},
        }
        path = str(write_configuration(self.folder, document))
        status, output, _ = await deferToThread(call, "connections", "-c", path)
        self.assertEqual((status, output.count("\n")), (0, 3))
        del document["control"]
        path = str(write_configuration(self.folder, document))
        status, output, errors = await deferToThread(call, "connections", "-c", path)
        self.assertEqual((status, output), (2, ""))
        self.assertIn("control.listen is missing: this daemon has no control service", errors)

    def test_unreachable(self) -> None:
        """What is wrong with the daemon is said in one line, and the status is 2."""
        for command in (("connections",), ("close", "1@1")):
            status, output, errors = call(*command, "-s", f"unix:{self.path}")
            self.assertEqual((status, output), (2, ""))
            self.assertEqual(
                errors,
                f"pipetwist: there is no socket unix:{self.path}; is the daemon running, and does "
                "its configuration have control.listen?\n",
            )
            status, _, errors = call(*command)
            self.assertEqual(status, 2)
            self.assertIn("say which daemon: --server unix:PATH, or --config FILE", errors)

    async def test_completion(self) -> None:
        """A shell gets the ids, users and tags of open connections."""
        from pipetwist.cli.main import main

        await self.three()
        server = ["-s", f"unix:{self.path}"]
        for arguments, incomplete, expected in (
            (["close", *server], "1@", 1),
            (["close", *server, "--user"], "", ["alice"]),
            (["connections", *server, "--inbound"], "k", ["known"]),
            (["connections", *server], "al", ["alice"]),
        ):
            from click.shell_completion import BashComplete

            completing = BashComplete(main, {}, "pipetwist", "_PIPETWIST_COMPLETE")
            found = await deferToThread(completing.get_completions, arguments, incomplete)
            values = [one.value for one in found]
            self.assertEqual(values if isinstance(expected, list) else len(values), expected)
