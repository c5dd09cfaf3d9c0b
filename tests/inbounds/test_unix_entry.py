"""Accepted unix sockets, and the descriptors that their clients pass."""

from __future__ import annotations

from typing import Any

from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.unix import UnixInbound, UnixInboundOptions
from pipetwist.inbounds.unix_entry import PassedNotice, UnixEntry
from pipetwist.interfaces import IRoute
from pipetwist.kernel.accepted_side import FirstReader
from pipetwist.kernel.passing_side import PassingSide
from pipetwist.kernel.socket_side import SocketReader, SocketSide
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.unix import UnixOutbound, UnixOutboundOptions
from pipetwist.relay.relay import Route
from pipetwist.testing import FakeOutbound, RecordingRelay
from tests.inbounds.inbound import NoInbound
from tests.support.loop import KernelCase

_VISITOR = ClientInfo("in", "pid:1 uid:2 gid:3", "pid:1")


class _Relay(RecordingRelay):
    """Admits to an outbound that passes descriptors on, or not."""

    passes = False

    def route(self, client_info: ClientInfo) -> IRoute:
        outbound: Any = FakeOutbound()
        outbound.in_kernel = True
        outbound.passes_descriptors = self.passes
        return Route(client_info, outbound, None)


class UnixEntryTest(KernelCase):
    """Which side a client gets."""

    def setUp(self) -> None:
        """Have a relay, and what is said in the log."""
        super().setUp()
        self.relay = _Relay()
        self.said: list[str] = []
        self.notice = PassedNotice(self.said.append)

    def enter(self, *, passes: bool) -> Any:
        """The side of a client that is admitted."""
        context = InboundContext(self.loop, self.relay, kernel=self.kernel)
        gate = Gate(NoInbound(context), lambda _: _VISITOR)
        accepted, _ = self.pair()
        UnixEntry(gate, context, self.notice, passes=passes).accepted(accepted)
        side = self.relay.handled[-1][1]
        self.addCleanup(side.abort)
        return side

    def test_passes(self) -> None:
        """Descriptors are passed on where both the inbound and the outbound do so."""
        for passes, too, expected in (
            (True, True, PassingSide),
            (True, False, SocketSide),
            (False, True, SocketSide),
            (False, False, SocketSide),
        ):
            self.relay.passes = too
            side = self.enter(passes=passes)
            self.assertIs(type(side), expected)
            self.assertEqual(isinstance(side.reader, FirstReader), expected is SocketSide)

    def test_told_once(self) -> None:
        """That some were closed is said once; nobody looks for them any more afterwards."""
        side = self.enter(passes=False)
        side.reader.passed()
        side.reader.passed()
        (said,) = self.said
        self.assertIn("a client passed file descriptors, which were closed", said)
        self.assertIs(type(self.enter(passes=False).reader), SocketReader)


class WithoutKernelTest(KernelCase):
    """Where the kernel moves no bytes."""

    def test_start(self) -> None:
        """What is to pass descriptors on does not start."""
        inbound = UnixInboundOptions(tag="in", path="/x", pass_descriptors=True)
        outbound = UnixOutboundOptions(tag="out", path="/x", pass_descriptors=True)
        error = self.assertRaises(
            StartError, UnixInbound, inbound, InboundContext(self.loop, RecordingRelay())
        )
        self.assertIn("inbound in: pass_descriptors: it needs", str(error))
        error = self.assertRaises(StartError, UnixOutbound, outbound, OutboundContext(self.loop))
        self.assertIn("outbound out: pass_descriptors: the kernel must move", str(error))
