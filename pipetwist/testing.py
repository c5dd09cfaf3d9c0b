"""Fakes for tests of code that uses pipetwist's interfaces: sides, outbounds, commands, a relay and
a tracker, all in memory.

They do no I/O and need no reactor. Each does what it is asked to immediately, reports it within the
same call, and keeps a record:

    outbound = FakeOutbound()
    routing_table = RoutingTable(Router([], outbound.tag), {outbound.tag: outbound})
    relay = Relay(Clock(), Current(routing_table))
    client = FakeSide()
    relay.handle(relay.route(ClientInfo("in", "test", "test")), client)
    client.deliver(b"hello")
    assert outbound.sides[0].written == b"hello"

Also test suites that check a program's own side, outbound or inbound against its interface, as they
check pipetwist's.
"""

from __future__ import annotations

from pipetwist.conformance.inbound import InboundConformance
from pipetwist.conformance.outbound import OutboundConformance
from pipetwist.conformance.side import DatagramSideConformance, SideConformance
from pipetwist.fakes.process import FakeProcess, FakeSpawner
from pipetwist.fakes.relay import FakeOutbound, RecordingRelay, RecordingTracker
from pipetwist.fakes.side import FakeSide, RecordingReceiver

__all__ = [
    "DatagramSideConformance",
    "FakeOutbound",
    "FakeProcess",
    "FakeSide",
    "FakeSpawner",
    "InboundConformance",
    "OutboundConformance",
    "RecordingReceiver",
    "RecordingRelay",
    "RecordingTracker",
    "SideConformance",
]
