"""Limited connections in real time, by both transfers: what a client gets in a second."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipetwist.config.document import Document
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.outbounds.tcp import TcpOutboundOptions
from pipetwist.service.tree import PipetwistService

_reactor: Any = reactor
_MEGABIT = 125_000
_SECONDS = 2.0


class _Sending(Protocol):
    """Sends as fast as it goes."""

    def connectionMade(self) -> None:
        """Begin."""
        transport: Any = self.transport
        transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """Send the next piece."""
        transport: Any = self.transport
        transport.write(bytes(1 << 16))

    def stopProducing(self) -> None:
        """It is over."""


class _Counting(Protocol):
    """Counts what comes."""

    def __init__(self) -> None:
        self.count = 0

    def dataReceived(self, data: bytes) -> None:
        """Count it."""
        self.count += len(data)


class KernelTest(TestCase):
    """By the kernel."""

    transfer: Any = "kernel"

    @inlineCallbacks
    def measure(self, outbound: Any, megabits: float) -> Any:  # a Deferred's generator
        """Bytes that came within some seconds after the burst."""
        inbound = TcpInboundOptions(
            tag="in", listen_port=0, limits=LimitOptions(down_mbps=megabits)
        )
        document = Document(
            inbounds=(inbound,), outbounds=(outbound,), transfer=self.transfer, drain_timeout=0.1
        )
        service = PipetwistService(document, _reactor)
        service.startService()
        self.addCleanup(service.stopService)
        endpoint = TCP4ClientEndpoint(_reactor, "127.0.0.1", service.inbounds["in"].port)
        client: Any = yield connectProtocol(endpoint, _Counting())
        self.addCleanup(client.transport.abortConnection)
        yield deferLater(_reactor, 0.5)
        before, began = client.count, _reactor.seconds()
        yield deferLater(_reactor, _SECONDS)
        seconds = _reactor.seconds() - began
        return (client.count - before) / seconds

    @inlineCallbacks
    def test_tcp(self) -> Any:
        """A server on TCP that sends as fast as it can."""
        port = _reactor.listenTCP(0, Factory.forProtocol(_Sending), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        outbound = TcpOutboundOptions(
            tag="out", server="127.0.0.1", server_port=port.getHost().port
        )
        for megabits in (4, 80):
            rate: float = yield self.measure(outbound, megabits)
            # What is under way in buffers of both sockets is allowed for.
            self.assertApproximates(rate, megabits * _MEGABIT, 0.05 * megabits * _MEGABIT + 32768)

    @inlineCallbacks
    def test_command(self) -> Any:
        """A command that does."""
        outbound = ForkOutboundOptions(tag="out", command=("/bin/cat", "/dev/zero"))
        rate: float = yield self.measure(outbound, 20)
        self.assertApproximates(rate, 20 * _MEGABIT, 0.05 * 20 * _MEGABIT + 32768)


class StreamTest(KernelTest):
    """By Twisted's transports."""

    transfer = "stream"
