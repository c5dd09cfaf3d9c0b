"""A tree with an inbound and an outbound of a program's own kinds."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal
from urllib.request import urlopen

from twisted.application.service import Service
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.logger import Logger, capturedLogs
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from pipetwist.config.reader_process import can_start
from pipetwist.config.reading import read_document
from pipetwist.errors import StartError
from pipetwist.interfaces import IInbound, IOutbound
from pipetwist.outbounds.registry import OUTBOUNDS
from pipetwist.service.file_reloader import FileReloader
from pipetwist.service.reader import ProcessReader
from pipetwist.service.tree import PipetwistService
from tests.kinds.own_kinds import TurnsOutbound, TurnsOutboundOptions, document, register, written
from tests.support.scratch import scratch_folder
from tests.support.waiting import until


@dataclass(frozen=True, kw_only=True)
class _TurnsCopyOptions(TurnsOutboundOptions):
    """Those of turns."""

    type: Literal["turns2"] = "turns2"  # type: ignore[assignment]  # it is another type
    """Always ``turns2``."""


class _TurnsCopy(TurnsOutbound, Service):
    """One that is a service as well."""

    Options = _TurnsCopyOptions


class RunningTest(TestCase):
    """The tree, in a program that has registered them."""

    timeout = 300

    async def start(self, **changes: Any) -> PipetwistService:
        """Start it; the test's clean-up stops it."""
        register(self)
        stats = {"enabled": True, "users": ["alice"]}
        changes = {
            "experimental": {"v2ray_api": {"stats": stats}},
            "metrics": {"listen": "127.0.0.1:0"},
            **changes,
        }
        tree = PipetwistService(document(**changes), reactor)
        tree.startService()
        self.addCleanup(tree.stopService)
        await until(
            lambda: tree.inbounds["front"]._listener.port is not None, "the door to be there"
        )
        return tree

    async def ask(self, port: int) -> bytes:
        """What a client is told until the end."""
        return await deferToThread(_ask, port)

    async def page(self, tree: PipetwistService, path: str) -> str:
        """What the HTTP listener has at a path."""
        return await deferToThread(
            lambda: urlopen(f"http://{tree.web.address}/{path}", timeout=60).read().decode()
        )

    async def test_relays(self) -> None:
        """Connections come in at the one and go to the other, by a rule, and are counted for their
        user.
        """
        rules = [{"inbound": ["front"], "auth_user": ["alice"], "outbound": "turns"}]
        dead = {"type": "fork", "tag": "first", "command": ["false"]}
        tree = await self.start(outbounds=[dead, *written()["outbounds"]], route={"rules": rules})
        verifyObject(IInbound, tree.inbounds["front"])
        verifyObject(IOutbound, tree.outbounds["turns"])
        self.assertEqual(
            [await self.ask(tree.inbounds["front"].port) for _ in range(3)],
            [b"one\n", b"other\n", b"one\n"],
        )
        await until(lambda: not tree.relay.open_connections, "all to be over")
        counter = tree.store.get("user>>>alice>>>traffic>>>downlink")
        assert counter is not None
        self.assertEqual(counter.value(), 14)

    async def test_shown(self) -> None:
        """Their own figures are among the metrics, and their connections on the page."""
        tree = await self.start()
        said = await self.page(tree, "metrics")
        self.assertIn('door_visitors_total{inbound="front"} 0.0', said)
        self.assertIn('turns_taken{outbound="turns"} 0.0', said)
        self.assertIn('pipetwist_connections_total{inbound="front",outbound="turns"} 0.0', said)
        await self.ask(tree.inbounds["front"].port)
        await until(lambda: not tree.relay.open_connections, "it to be over")
        said = await self.page(tree, "metrics")
        self.assertIn('door_visitors_total{inbound="front"} 1.0', said)
        self.assertIn('pipetwist_connections_total{inbound="front",outbound="turns"} 1.0', said)
        totals = json.loads(await self.page(tree, "api/snapshot"))["totals"]
        self.assertEqual((totals["opened"], totals["downlink"]), (1, 4))

    async def test_reload(self) -> None:
        """A reload changes what can be changed while it listens on, and has it listen again for the
        rest; other commands are taken.
        """
        tree = await self.start()
        door, port = tree.inbounds["front"], tree.inbounds["front"].port
        outbounds = [
            {"type": "turns", "tag": "turns", "one": ["echo", "new"], "other": ["echo", "newer"]}
        ]
        changes = {
            "experimental": {"v2ray_api": {"stats": {"enabled": True}}},
            "metrics": {"listen": "127.0.0.1:0"},
        }
        await tree.reload(document(outbounds=outbounds, **changes))
        self.assertEqual((tree.inbounds["front"] is door, door.port), (True, port))
        self.assertEqual(await self.ask(port), b"new\n")
        await tree.reload(
            document(
                inbounds=[{"type": "door", "tag": "front", "port": 0}],
                outbounds=outbounds,
                **changes,
            )
        )
        self.assertEqual((tree.inbounds["front"] is door, await self.ask(port)), (True, b""))
        moved = {"type": "door", "tag": "front", "port": 0, "framing": "rfc4571"}
        framed = {"type": "fork", "tag": "framed", "command": ["cat"], "framing": "rfc4571"}
        await tree.reload(document(inbounds=[moved], outbounds=[framed], **changes))
        self.assertIsNot(tree.inbounds["front"], door)

    async def test_same_figures(self) -> None:
        """Kinds that show the same, as a copy does, show it in one place."""
        self.addCleanup(OUTBOUNDS.register(_TurnsCopy))
        second = {"type": "turns2", "tag": "copy", "one": ["echo"], "other": ["echo"]}
        tree = await self.start(outbounds=[*written()["outbounds"], second])
        said = await self.page(tree, "metrics")
        self.assertEqual(said.count("# HELP turns_taken "), 1)
        for tag in ("turns", "copy"):
            self.assertIn(f'turns_taken{{outbound="{tag}"}} 0.0', said)

    async def test_service(self) -> None:
        """An outbound that is a service runs with the tree, over a reload that changes nothing of
        it, and until one leaves it out.
        """
        self.addCleanup(OUTBOUNDS.register(_TurnsCopy))
        copy = {"type": "turns2", "tag": "copy", "one": ["echo"], "other": ["echo"]}
        tree = await self.start(outbounds=[copy])
        outbound = tree.outbounds["copy"]
        changes = {
            "experimental": {"v2ray_api": {"stats": {"enabled": True}}},
            "metrics": {"listen": "127.0.0.1:0"},
        }
        await tree.reload(document(outbounds=[copy], **changes))
        self.assertEqual((tree.outbounds["copy"] is outbound, outbound.running), (True, True))
        await tree.reload(document(**changes))
        self.assertEqual(
            (list(tree.outbounds), outbound.running, outbound.parent), (["turns"], False, None)
        )

    async def test_refused_reload(self) -> None:
        """A reload that a command is missing for leaves everything as it was."""
        tree = await self.start()
        before = tree.generation
        outbounds = [{"type": "turns", "tag": "turns", "one": ["no-such"], "other": ["echo"]}]
        await self.assertFailure(tree.reload(document(outbounds=outbounds)), StartError)
        self.assertIs(tree.generation, before)
        self.assertEqual(await self.ask(tree.inbounds["front"].port), b"one\n")

    async def test_reread(self) -> None:
        """A process of its own reads a configuration with them, where it can import them; where it
        can't nobody asks it to.
        """
        register(self)
        path = scratch_folder(self) / "own.json"
        path.write_text(json.dumps(written()))
        read = await ProcessReader(reactor).read(str(path), document())
        self.assertEqual(read, read_document(path))
        self.assertTrue(can_start())
        hidden: Any = type("Hidden", (TurnsOutbound,), {"Options": _hidden_options()})
        self.addCleanup(OUTBOUNDS.register(hidden))
        self.assertFalse(can_start())
        tree: Any = SimpleNamespace(log=Logger())
        with capturedLogs() as events:
            FileReloader(tree, str(path)).warn_if_unreadable()
        self.assertEqual(len(events), 1)
        self.assertIn("no other process can import the registered kinds", events[0]["log_format"])
        self.assertEqual(await ProcessReader(reactor).read(str(path), document()), read)


def _hidden_options() -> type:
    @dataclass(frozen=True, kw_only=True)
    class HiddenOptions(TurnsOutboundOptions):
        """Those of turns."""

        type: Literal["hidden"] = "hidden"  # type: ignore[assignment]  # it is another type
        """Always ``hidden``."""

    return HiddenOptions


def _ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        said = b""
        while more := client.recv(99):
            said += more
        return said
