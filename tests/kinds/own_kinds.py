"""A kind of inbound and a kind of outbound that pipetwist itself does not know."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Literal

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pipetwist.config.document import Document
from pipetwist.config.reading import parse_document
from pipetwist.connection.client_info import ClientInfo
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate, RefusedError
from pipetwist.inbounds.handshake import HandshakeFactory
from pipetwist.inbounds.listening import EndpointListener, ListeningService, address_client_info
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.interfaces import IInbound, IOutbound, ISide, Medium
from pipetwist.kinds.figures import Figure
from pipetwist.kinds.inbound_options import InboundOptions, StreamInboundOptions
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.endpoint import connect_endpoint
from pipetwist.outbounds.registry import OUTBOUNDS
from pipetwist.process.command import prepare_command
from pipetwist.process.endpoint import CommandEndpoint
from pipetwist.values import Command, Port, UserName
from pipetwist.values.bind_address import BindAddress, PortAddress

__all__ = [
    "DoorInbound",
    "DoorInboundOptions",
    "DoorUserOptions",
    "TurnsOutbound",
    "TurnsOutboundOptions",
    "document",
    "register",
    "written",
]


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


def register(case: SynchronousTestCase) -> None:
    """Register both; the test's clean-up takes them out again."""
    case.addCleanup(INBOUNDS.register(DoorInbound))
    case.addCleanup(OUTBOUNDS.register(TurnsOutbound))


def written(**changes: Any) -> dict[str, Any]:
    """A configuration with both, whatever it says besides."""
    return {
        "inbounds": [{"type": "door", "tag": "front", "port": 0, "users": [{"name": "alice"}]}],
        "outbounds": [
            {"type": "turns", "tag": "turns", "one": ["echo", "one"], "other": ["echo", "other"]}
        ],
        **changes,
    }


def document(**changes: Any) -> Document:
    """The document of such a configuration."""
    return parse_document(json.dumps(written(**changes)), Path("/"), "own.json")
