"""A kind of inbound and a kind of outbound that live in this file alone, and the whole program with
them.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Literal
from urllib.request import urlopen

from jsonschema import Draft202012Validator
from twisted.application.service import Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.threads import deferToThread
from twisted.logger import Logger, capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pipetwist.config.collisions import collisions
from pipetwist.config.document import Document
from pipetwist.config.reader_process import can_start
from pipetwist.config.reading import parse_document, read_document
from pipetwist.config.schema import document_schema
from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import ConfigError, StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate, RefusedError
from pipetwist.inbounds.handshake import HandshakeFactory
from pipetwist.inbounds.listening import EndpointListener, ListeningService, address_client_info
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.inbounds.udp import UdpInbound, UdpInboundOptions
from pipetwist.interfaces import IInbound, IOutbound, ISide, Medium
from pipetwist.kinds.figures import Figure
from pipetwist.kinds.inbound_options import InboundOptions, StreamInboundOptions
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.endpoint import connect_endpoint
from pipetwist.outbounds.registry import OUTBOUNDS
from pipetwist.process.command import prepare_command
from pipetwist.process.endpoint import CommandEndpoint
from pipetwist.service.file_reloader import FileReloader
from pipetwist.service.reader import ProcessReader
from pipetwist.service.tree import PipetwistService
from pipetwist.values import Command, Port, UserName
from pipetwist.values.bind_address import BindAddress, PortAddress
from tests.support.command_line import call
from tests.support.scratch import scratch_folder
from tests.support.waiting import until


@dataclass(frozen=True, kw_only=True)
class DoorUserOptions:
    """Who somebody is."""

    __pydantic_config__: ClassVar[dict[str, object]] = {
        "extra": "forbid",
        "use_attribute_docstrings": True,
    }

    name: UserName
    """The user's name."""


@dataclass(frozen=True, kw_only=True)
class DoorInboundOptions(StreamInboundOptions):
    """An inbound on a port of this machine alone, where everybody is one user."""

    fixed = ("port", "framing")
    figures = (
        Figure("door_visitors", "Who has come to the door.", attrgetter("came"), grows=True),
    )

    type: Literal["door"] = "door"
    """Always ``door``."""
    port: Port
    """The port."""
    users: tuple[DoorUserOptions, ...] = ()
    """Who comes is the first of these. Nobody comes in where absent."""

    @property
    def address(self) -> BindAddress | None:
        return PortAddress("127.0.0.1", self.port) if self.port else None

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        if platform == "darwin":
            yield "port", "there is no door on this system"
        yield from super().lacking(written, platform)


@implementer(IInbound)
class DoorInbound(ListeningService):
    """Listens there.

    Args:
        options: what the configuration says.
        context: what it works with.
    """

    Options: ClassVar[type[InboundOptions]] = DoorInboundOptions

    def __init__(self, options: DoorInboundOptions, context: InboundContext) -> None:
        super().__init__(options, context)
        self.came = 0
        self._gate = Gate(self, self._identify)
        self._listener = EndpointListener(self._gate)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        listening: Any = self._listener.port
        number: int = listening.getHost().port
        return number

    def listen(self) -> Deferred[None]:
        options: Any = self.options
        endpoint = TCP4ServerEndpoint(self.context.reactor, options.port, interface="127.0.0.1")
        return self._listener.listen(endpoint, HandshakeFactory(self._gate, self.context))

    def stop_listening(self) -> Deferred[None]:
        return self._listener.stop()

    def _identify(self, transport: Any) -> ClientInfo:
        options: Any = self.options
        self.came += 1
        if not options.users:
            message = "nobody is let in"
            raise RefusedError(message)
        return address_client_info(
            self.tag, transport.getPeer(), self.timeouts, options.users[0].name
        )


@dataclass(frozen=True, kw_only=True)
class TurnsOutboundOptions(OutboundOptions):
    """An outbound to two commands, which take turns."""

    medium = Medium.STREAM
    descriptors = 3
    figures = (Figure("turns_taken", "Connections so far.", attrgetter("taken")),)

    type: Literal["turns"] = "turns"
    """Always ``turns``."""
    one: Command
    """The command that has the first turn."""
    other: Command
    """The command that has the second."""

    def check_here(self) -> None:
        for command in (self.one, self.other):
            prepare_command(
                self.label, command, env={}, inherit_env=True, cwd=None, user=None, ours=os.environ
            )


@implementer(IOutbound)
class TurnsOutbound:
    """Starts one command for each connection.

    Args:
        options: what the configuration says.
        context: what it works with.
    """

    Options: ClassVar[type[OutboundOptions]] = TurnsOutboundOptions
    in_kernel = False
    max_datagram_bytes = None

    def __init__(self, options: TurnsOutboundOptions, context: OutboundContext) -> None:
        self.tag = options.tag
        self.connect_timeout = options.connect_timeout
        self.taken = 0
        self._endpoints = [
            CommandEndpoint(context.reactor, command) for command in (options.one, options.other)
        ]
        self._context = context

    def connect(self) -> Deferred[ISide]:
        self.taken += 1
        return connect_endpoint(self._endpoints[(self.taken - 1) % 2], self._context)


@dataclass(frozen=True, kw_only=True)
class _TurnsCopyOptions(TurnsOutboundOptions):
    """Those of turns."""

    type: Literal["turns2"] = "turns2"  # type: ignore[assignment]  # it is another type
    """Always ``turns2``."""


class _TurnsCopy(TurnsOutbound, Service):
    """One that is a service as well."""

    Options = _TurnsCopyOptions


def _register(case: SynchronousTestCase) -> None:
    """Register both; the test's clean-up takes them out again."""
    case.addCleanup(INBOUNDS.register(DoorInbound))
    case.addCleanup(OUTBOUNDS.register(TurnsOutbound))


def _written(**changes: Any) -> dict[str, Any]:
    """A configuration with both, whatever it says besides."""
    return {
        "inbounds": [{"type": "door", "tag": "front", "port": 0, "users": [{"name": "alice"}]}],
        "outbounds": [
            {"type": "turns", "tag": "turns", "one": ["echo", "one"], "other": ["echo", "other"]}
        ],
        **changes,
    }


def _document(**changes: Any) -> Document:
    return parse_document(json.dumps(_written(**changes)), Path("/"), "own.json")


class _UdpCopyOptions(UdpInboundOptions):
    """Those of udp."""

    type: Literal["udp2"] = "udp2"  # type: ignore[assignment]  # it is another type


class RegistryTest(SynchronousTestCase):
    """What can be registered."""

    def test_once(self) -> None:
        """A type can be registered once, and be taken out again; one that says too little can't
        be.
        """
        _register(self)
        self.assertRaises(ValueError, OUTBOUNDS.register, TurnsOutbound)
        self.assertIn("door", repr(INBOUNDS))
        for options in (object, type("Nothing", (TurnsOutboundOptions,), {"medium": None})):
            kind: Any = type("Kind", (), {"Options": options})
            self.assertRaises(ValueError, OUTBOUNDS.register, kind)
        self.doCleanups()
        self.assertIsNone(INBOUNDS.find("door"))
        self.assertEqual((INBOUNDS.added(), OUTBOUNDS.added()), ([], []))

    def test_without(self) -> None:
        """A configuration with a type that is not registered is wrong, before it is and after it
        was.
        """
        for _ in range(2):
            self.assertIn(
                'inbounds[0].type: "door" is not a type of inbound',
                str(self.assertRaises(ConfigError, _document)),
            )
            _register(self)
            self.assertIsInstance(_document().inbounds[0], DoorInboundOptions)
            self.doCleanups()


class CarryingTest(SynchronousTestCase):
    """Where connections of one's own kinds may go."""

    def test_copy_of_datagrams(self) -> None:
        """A copy of a kind of datagrams under another name is one of datagrams as well, which a
        stream can't carry.
        """
        options = dataclass(frozen=True, kw_only=True)(_UdpCopyOptions)
        copy: Any = type("UdpCopy", (UdpInbound,), {"Options": options})
        self.addCleanup(INBOUNDS.register(copy))
        _register(self)
        error = self.assertRaises(
            ConfigError, _document, inbounds=[{"type": "udp2", "tag": "copy", "listen_port": 0}]
        )
        self.assertIn(
            'the inbound "copy" takes datagrams, which the outbound "turns", a stream, would '
            "run together; route",
            str(error),
        )

    def test_platform(self) -> None:
        """What a platform has not for it is told."""
        _register(self)
        error = self.assertRaises(
            ConfigError,
            parse_document,
            json.dumps(_written()),
            Path("/"),
            "own.json",
            platform="darwin",
        )
        self.assertEqual(str(error), "own.json: inbounds[0].port: there is no door on this system")

    def test_loop(self) -> None:
        """An outbound that leads back to it is told."""
        _register(self)
        door = {"type": "door", "tag": "front", "port": 7}
        back = {"type": "tcp", "tag": "back", "server": "127.0.0.1", "server_port": 7}
        error = self.assertRaises(ConfigError, _document, inbounds=[door], outbounds=[back])
        self.assertIn("outbounds[0]: this routes every connection", str(error))

    def test_collision(self) -> None:
        """Another inbound at its port is told."""
        _register(self)
        inbounds = [
            {"type": "tcp", "tag": "other", "listen_port": 7},
            {"type": "door", "tag": "front", "port": 7},
        ]
        (problem,) = collisions(_document(inbounds=inbounds))
        self.assertIn('inbounds[1]: 127.0.0.1:7 is taken by the inbound "other"', str(problem))


class CheckTest(SynchronousTestCase):
    """The command, in a program that has registered them."""

    def setUp(self) -> None:
        """Register both, and write a configuration."""
        _register(self)
        self.path = scratch_folder(self) / "own.json"
        self.path.write_text(json.dumps(_written()))

    def test_check(self) -> None:
        """A good configuration is good; a bad value is told at its key."""
        self.assertEqual(
            call("check", str(self.path)),
            (0, f"{self.path} is valid: 1 inbound, 1 outbound.\n", ""),
        )
        self.path.write_text(
            json.dumps(
                _written(inbounds=[{"type": "door", "tag": "front", "port": 70000, "user": []}])
            )
        )
        status, _, said = call("check", str(self.path))
        self.assertEqual(status, 1)
        self.assertIn("inbounds[0].port: ", said)
        self.assertIn('inbounds[0].user: this key is not known here; did you mean "users"?', said)

    def test_here(self) -> None:
        """What it needs on this machine is looked for."""
        self.assertEqual(call("check", "--here", str(self.path))[0], 0)
        self.path.write_text(
            json.dumps(
                _written(
                    outbounds=[
                        {"type": "turns", "tag": "turns", "one": ["no-such"], "other": ["echo"]}
                    ]
                )
            )
        )
        status, _, said = call("check", "--here", str(self.path))
        self.assertEqual((status, "outbound turns: " in said), (1, True))

    def test_schema(self) -> None:
        """The JSON Schema has both with the texts of their keys, and takes and refuses what the
        reading does.
        """
        status, said, _ = call("schema")
        schema = json.loads(said)
        self.assertEqual((status, schema), (0, json.loads(json.dumps(document_schema()))))
        self.assertEqual(
            schema["$defs"]["DoorInboundOptions"]["properties"]["port"]["description"], "The port."
        )
        validator = Draft202012Validator(schema)
        self.assertTrue(validator.is_valid(_written()))
        self.assertFalse(validator.is_valid(_written(inbounds=[{"type": "door", "tag": "front"}])))


class RunningTest(TestCase):
    """The tree, in a program that has registered them."""

    timeout = 300

    async def start(self, **changes: Any) -> PipetwistService:
        """Start it; the test's clean-up stops it."""
        _register(self)
        stats = {"enabled": True, "users": ["alice"]}
        changes = {
            "experimental": {"v2ray_api": {"stats": stats}},
            "metrics": {"listen": "127.0.0.1:0"},
            **changes,
        }
        tree = PipetwistService(_document(**changes), reactor)
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
        tree = await self.start(outbounds=[dead, *_written()["outbounds"]], route={"rules": rules})
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
        """A reload changes what can be changed while it listens on, and has it listen anew for the
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
        await tree.reload(_document(outbounds=outbounds, **changes))
        self.assertEqual((tree.inbounds["front"] is door, door.port), (True, port))
        self.assertEqual(await self.ask(port), b"new\n")
        await tree.reload(
            _document(
                inbounds=[{"type": "door", "tag": "front", "port": 0}],
                outbounds=outbounds,
                **changes,
            )
        )
        self.assertEqual((tree.inbounds["front"] is door, await self.ask(port)), (True, b""))
        moved = {"type": "door", "tag": "front", "port": 0, "framing": "rfc4571"}
        framed = {"type": "fork", "tag": "framed", "command": ["cat"], "framing": "rfc4571"}
        await tree.reload(_document(inbounds=[moved], outbounds=[framed], **changes))
        self.assertIsNot(tree.inbounds["front"], door)

    async def test_same_figures(self) -> None:
        """Kinds that show the same, as a copy does, show it in one place."""
        self.addCleanup(OUTBOUNDS.register(_TurnsCopy))
        second = {"type": "turns2", "tag": "copy", "one": ["echo"], "other": ["echo"]}
        tree = await self.start(outbounds=[*_written()["outbounds"], second])
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
        await tree.reload(_document(outbounds=[copy], **changes))
        self.assertEqual((tree.outbounds["copy"] is outbound, outbound.running), (True, True))
        await tree.reload(_document(**changes))
        self.assertEqual(
            (list(tree.outbounds), outbound.running, outbound.parent), (["turns"], False, None)
        )

    async def test_refused_reload(self) -> None:
        """A reload that a command is missing for leaves everything as it was."""
        tree = await self.start()
        before = tree.generation
        outbounds = [{"type": "turns", "tag": "turns", "one": ["no-such"], "other": ["echo"]}]
        await self.assertFailure(tree.reload(_document(outbounds=outbounds)), StartError)
        self.assertIs(tree.generation, before)
        self.assertEqual(await self.ask(tree.inbounds["front"].port), b"one\n")

    async def test_reread(self) -> None:
        """A process of its own reads a configuration with them, where it can import them; where it
        can't nobody asks it to.
        """
        _register(self)
        path = scratch_folder(self) / "own.json"
        path.write_text(json.dumps(_written()))
        read = await ProcessReader(reactor).read(str(path), _document())
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
        self.assertEqual(await ProcessReader(reactor).read(str(path), _document()), read)


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
