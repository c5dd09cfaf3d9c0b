"""The stable API, for programs that embed pipetwist. Everything that is neither here nor in
`pipetwist.testing` may change with any version.

This module only exports names. They are documented where they are defined, and docs/embedding.md
shows how to use them. Names that need the configuration, gRPC or pydantic are loaded when they are
first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.errors import ConfigError, ConnectError, NobodyListensError, StartError, StoreError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.endpoint import EndpointInbound, EndpointInboundOptions
from pipetwist.inbounds.gate import Gate, RefusedError
from pipetwist.inbounds.handshake import HandshakeFactory
from pipetwist.inbounds.listening import EndpointListener, ListeningService
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.inbounds.tcp import TcpInbound, TcpInboundOptions
from pipetwist.inbounds.udp import UdpInbound, UdpInboundOptions
from pipetwist.inbounds.unix import UnixInbound, UnixInboundOptions
from pipetwist.inbounds.unixgram import UnixgramInbound, UnixgramInboundOptions
from pipetwist.inbounds.vsock import VsockInbound, VsockInboundOptions
from pipetwist.interfaces import (
    CounterLike,
    CounterStoreLike,
    IConnectionObserver,
    IConnectionRecord,
    ICounter,
    ICounterStore,
    IDatagramSide,
    IInbound,
    IOutbound,
    IProcess,
    IRelay,
    IRoute,
    IRunningOutbound,
    ISide,
    ISideReceiver,
    ISpawner,
    ITracker,
    Medium,
    OutboundLike,
    RelayLike,
    RouteLike,
    SideLike,
    SideReceiverLike,
    SpawnerLike,
    TrackerLike,
)
from pipetwist.kinds.figures import Figure
from pipetwist.kinds.inbound_options import (
    DatagramInboundOptions,
    InboundOptions,
    StreamInboundOptions,
)
from pipetwist.kinds.outbound_options import OutboundOptions, StreamOutboundOptions
from pipetwist.monotonic import use_monotonic_clock
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.endpoint import EndpointOutbound, EndpointOutboundOptions, connect_endpoint
from pipetwist.outbounds.fork import ForkOutbound, ForkOutboundOptions
from pipetwist.outbounds.registry import OUTBOUNDS
from pipetwist.outbounds.tcp import TcpOutbound, TcpOutboundOptions
from pipetwist.outbounds.udp import UdpOutbound, UdpOutboundOptions
from pipetwist.outbounds.unix import UnixOutbound, UnixOutboundOptions
from pipetwist.outbounds.unixgram import UnixgramOutbound, UnixgramOutboundOptions
from pipetwist.outbounds.vsock import VsockOutbound, VsockOutboundOptions
from pipetwist.process.command import prepare_command
from pipetwist.process.endpoint import CommandEndpoint
from pipetwist.relay.relay import Relay
from pipetwist.relay.routing_table import Current, RoutingTable
from pipetwist.routing.router import Router
from pipetwist.routing.rules import RuleOptions
from pipetwist.stats.counters import MemoryCounter, MemoryCounterStore
from pipetwist.stats.counting import CountingEndpoint, CountingFactory, CountingProtocol
from pipetwist.stats.counting_datagrams import CountingDatagramProtocol
from pipetwist.stats.names import traffic_name
from pipetwist.stats.online import OnlineUsers
from pipetwist.stats.tracking import Tracked, Tracker
from pipetwist.storage.offline import forget_counters, read_counters, remarks
from pipetwist.storage.service import StorageService
from pipetwist.values import Command, Duration, FilePath, PositiveCount, Text, UnixPath

if TYPE_CHECKING:
    from pipetwist.api.availability import load_api
    from pipetwist.api.options import ApiOptions, ApiTlsOptions, StatsOptions
    from pipetwist.api.service import StatsApi
    from pipetwist.config.document import Document, ExperimentalOptions
    from pipetwist.config.reading import parse_document, read_document
    from pipetwist.service.reader import ProcessReader
    from pipetwist.service.tree import PipetwistService

__all__ = [
    "INBOUNDS",
    "OUTBOUNDS",
    "ApiOptions",
    "ApiTlsOptions",
    "Cause",
    "ClientInfo",
    "Command",
    "CommandEndpoint",
    "ConfigError",
    "ConnectError",
    "CounterLike",
    "CounterStoreLike",
    "CountingDatagramProtocol",
    "CountingEndpoint",
    "CountingFactory",
    "CountingProtocol",
    "Current",
    "DatagramInboundOptions",
    "Document",
    "Duration",
    "EndpointInbound",
    "EndpointInboundOptions",
    "EndpointListener",
    "EndpointOutbound",
    "EndpointOutboundOptions",
    "ExperimentalOptions",
    "Figure",
    "FilePath",
    "ForkOutbound",
    "ForkOutboundOptions",
    "Gate",
    "HandshakeFactory",
    "IConnectionObserver",
    "IConnectionRecord",
    "ICounter",
    "ICounterStore",
    "IDatagramSide",
    "IInbound",
    "IOutbound",
    "IProcess",
    "IRelay",
    "IRoute",
    "IRunningOutbound",
    "ISide",
    "ISideReceiver",
    "ISpawner",
    "ITracker",
    "InboundContext",
    "InboundOptions",
    "ListeningService",
    "Medium",
    "MemoryCounter",
    "MemoryCounterStore",
    "NobodyListensError",
    "OnlineUsers",
    "OutboundContext",
    "OutboundLike",
    "OutboundOptions",
    "PipetwistService",
    "PositiveCount",
    "ProcessReader",
    "RefusedError",
    "Relay",
    "RelayLike",
    "RouteLike",
    "Router",
    "RoutingTable",
    "RuleOptions",
    "SideLike",
    "SideReceiverLike",
    "SpawnerLike",
    "StartError",
    "StatsApi",
    "StatsOptions",
    "StorageService",
    "StoreError",
    "StreamInboundOptions",
    "StreamOutboundOptions",
    "TcpInbound",
    "TcpInboundOptions",
    "TcpOutbound",
    "TcpOutboundOptions",
    "Text",
    "Timeouts",
    "Tracked",
    "Tracker",
    "TrackerLike",
    "UdpInbound",
    "UdpInboundOptions",
    "UdpOutbound",
    "UdpOutboundOptions",
    "UnixInbound",
    "UnixInboundOptions",
    "UnixOutbound",
    "UnixOutboundOptions",
    "UnixPath",
    "UnixgramInbound",
    "UnixgramInboundOptions",
    "UnixgramOutbound",
    "UnixgramOutboundOptions",
    "VsockInbound",
    "VsockInboundOptions",
    "VsockOutbound",
    "VsockOutboundOptions",
    "connect_endpoint",
    "forget_counters",
    "load_api",
    "parse_document",
    "prepare_command",
    "read_counters",
    "read_document",
    "remarks",
    "traffic_name",
    "use_monotonic_clock",
]

# The modules of the names that are loaded later.
_HEAVY = {
    "load_api": "pipetwist.api.availability",
    "ApiOptions": "pipetwist.api.options",
    "ApiTlsOptions": "pipetwist.api.options",
    "StatsOptions": "pipetwist.api.options",
    "StatsApi": "pipetwist.api.service",
    "Document": "pipetwist.config.document",
    "ExperimentalOptions": "pipetwist.config.document",
    "parse_document": "pipetwist.config.reading",
    "read_document": "pipetwist.config.reading",
    "ProcessReader": "pipetwist.service.reader",
    "PipetwistService": "pipetwist.service.tree",
}


def __getattr__(name: str) -> object:
    if name not in _HEAVY:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HEAVY[name]), name)
