"""An inbound and an outbound of a program's own kinds: registered, routed to and checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.collisions import collisions
from pipetwist.config.reading import parse_document
from pipetwist.config.schema import document_schema
from pipetwist.errors import ConfigError
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.inbounds.udp import UdpInbound, UdpInboundOptions
from pipetwist.outbounds.registry import OUTBOUNDS
from tests.kinds.own_kinds import (
    DoorInboundOptions,
    TurnsOutbound,
    TurnsOutboundOptions,
    document,
    register,
    written,
)
from tests.support.command_line import call
from tests.support.scratch import scratch_folder


class _UdpCopyOptions(UdpInboundOptions):
    """Those of udp."""

    type: Literal["udp2"] = "udp2"  # type: ignore[assignment]  # it is another type


class RegistryTest(SynchronousTestCase):
    """What can be registered."""

    def test_once(self) -> None:
        """A type can be registered once, and be taken out again; one that says too little can't
        be.
        """
        register(self)
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
                str(self.assertRaises(ConfigError, document)),
            )
            register(self)
            self.assertIsInstance(document().inbounds[0], DoorInboundOptions)
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
        register(self)
        error = self.assertRaises(
            ConfigError, document, inbounds=[{"type": "udp2", "tag": "copy", "listen_port": 0}]
        )
        self.assertIn(
            'the inbound "copy" takes datagrams, which the outbound "turns", a stream, would '
            "run together; route",
            str(error),
        )

    def test_platform(self) -> None:
        """What a platform has not for it is told."""
        register(self)
        error = self.assertRaises(
            ConfigError,
            parse_document,
            json.dumps(written()),
            Path("/"),
            "own.json",
            platform="darwin",
        )
        self.assertEqual(
            str(error), "own.json:1:48: inbounds[0].port: there is no door on this system"
        )

    def test_loop(self) -> None:
        """An outbound that leads back to it is told."""
        register(self)
        door = {"type": "door", "tag": "front", "port": 7}
        back = {"type": "tcp", "tag": "back", "server": "127.0.0.1", "server_port": 7}
        error = self.assertRaises(ConfigError, document, inbounds=[door], outbounds=[back])
        self.assertIn("outbounds[0]: this routes every connection", str(error))

    def test_collision(self) -> None:
        """Another inbound at its port is reported."""
        register(self)
        inbounds = [
            {"type": "tcp", "tag": "other", "listen_port": 7},
            {"type": "door", "tag": "front", "port": 7},
        ]
        (problem,) = collisions(document(inbounds=inbounds))
        self.assertIn('inbounds[1]: 127.0.0.1:7 is taken by the inbound "other"', str(problem))


class CheckTest(SynchronousTestCase):
    """The command, in a program that has registered them."""

    def setUp(self) -> None:
        """Register both, and write a configuration."""
        register(self)
        self.path = scratch_folder(self) / "own.json"
        self.path.write_text(json.dumps(written()))

    def test_check(self) -> None:
        """A good configuration is good; a bad value is reported at its key."""
        self.assertEqual(
            call("check", str(self.path)),
            (0, f"{self.path} is valid: 1 inbound, 1 outbound.\n", ""),
        )
        self.path.write_text(
            json.dumps(
                written(inbounds=[{"type": "door", "tag": "front", "port": 70000, "user": []}])
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
                written(
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
        self.assertTrue(validator.is_valid(written()))
        self.assertFalse(validator.is_valid(written(inbounds=[{"type": "door", "tag": "front"}])))
