"""Which control service ``pipetwist top`` asks beside the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from twisted.internet.threads import deferToThread

from pipetwist.kinds.limit_options import UserLimitOptions
from tests.control.case import ControlCase
from tests.support.command_line import TerminalCall, plain
from tests.support.foreign_servers import V2Ray5, serve
from tests.support.whole_screen import wait_for

_NOTHING: Mapping[str, str] = MappingProxyType({})


class BesideTest(ControlCase):
    """A daemon's control service, and a StatsService of another server."""

    async def begun(self) -> None:
        """The daemon limits alice, who is connected."""
        tree = self.start()
        await self.connect("known")
        limits = UserLimitOptions(up_mbps=20, max_connections=1)
        await tree.reload(replace(tree.document, default_limits=limits))

    async def limits(self, *arguments: str, environment: Mapping[str, str] = _NOTHING) -> str:
        """What the view of limits shows when its answer has come."""
        terminal = TerminalCall(
            self, ["top", *arguments], {"PIPETWIST_SERVER": self.server, **environment}
        )
        await deferToThread(wait_for, terminal, "[1 traffic]")
        terminal.type("2")
        lines = await deferToThread(wait_for, terminal, "[2 limits]")
        if not any(word in " ".join(lines) for word in ("control", "socket", "alice")):
            # Its users are asked for now.
            lines = await deferToThread(wait_for, terminal, "alice")
        terminal.type("q")
        self.assertEqual(await deferToThread(terminal.status), 0)
        return "\n".join(lines)

    def setUp(self) -> None:
        """Serve the counters."""
        super().setUp()
        self.server = serve(self, V2Ray5())

    async def test_named(self) -> None:
        """It is named by an option, or by a variable."""
        await self.begun()
        control = f"unix:{self.path}"
        for shown in (
            await self.limits("--control", control),
            await self.limits(environment={"PIPETWIST_CONTROL": control}),
        ):
            self.assertRegex(
                shown, r"user +alice +20/- +1 of 1 +refused: max_connections of user alice is 1"
            )

    async def test_configuration(self) -> None:
        """That of a configuration is taken, unless another is named."""
        await self.begun()
        file = self.folder / "daemon.json"
        document = {
            "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
            "outbounds": [{"type": "unix", "tag": "out", "path": "out.sock"}],
            "experimental": {"v2ray_api": {"listen": self.server}},
        }
        file.write_text(json.dumps({**document, "control": {"listen": f"unix:{self.path}"}}))
        self.assertIn("alice", await self.limits("-c", str(file)))
        other = ("--control", f"unix:{self.folder}/other")
        self.assertIn("there is no socket", await self.limits("-c", str(file), *other))
        file.write_text(json.dumps(document))
        self.assertIn("by its control service", await self.limits("-c", str(file)))
        environment = {"PIPETWIST_CONTROL": f"unix:{self.path}"}
        self.assertIn("alice", await self.limits("-c", str(file), environment=environment))

    async def test_wrong(self) -> None:
        """What is no address is an error before anything is asked."""
        terminal = TerminalCall(self, ["top", "-s", self.server, "--control", "nowhere"])
        self.assertEqual(await deferToThread(terminal.status), 2)
        self.assertIn("--control", plain(terminal.text))
