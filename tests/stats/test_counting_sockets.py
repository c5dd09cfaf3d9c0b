"""Counting what passes real unix sockets."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint
from twisted.internet.interfaces import (
    IAddress,
    IFileDescriptorReceiver,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from pipetwist.stats.counting import (
    CountingEndpoint,
)
from pipetwist.testing import RecordingTracker
from tests.stats.counted_protocols import Full, Plain
from tests.support.scratch import scratch_folder

_reactor: Any = reactor  # the module stands for whichever reactor trial has installed


@implementer(IFileDescriptorReceiver)
class _Receives(Plain):
    """Wants descriptors alone: an endpoint of Twisted's shows a transport only one of the things
    that a client's protocol wants.
    """

    def fileDescriptorReceived(self, descriptor: int) -> None:
        self.heard.append(descriptor)


class SocketTest(TestCase):
    """Real unix sockets."""

    timeout = 300

    async def connect(self) -> tuple[Full, RecordingTracker, _Receives]:
        """Connect a client to a counted server: the server's protocol, its tracker, the client's
        protocol.
        """
        path = str(scratch_folder(self) / "s")
        accepted: Deferred[Full] = Deferred()

        class Server(Full):
            def connectionMade(self) -> None:
                accepted.callback(self)

        tracker, client = RecordingTracker(), _Receives()
        port = await CountingEndpoint(UNIXServerEndpoint(_reactor, path), lambda _: tracker).listen(
            Factory.forProtocol(Server)
        )
        self.addCleanup(port.stopListening)
        await UNIXClientEndpoint(_reactor, path).connect(_given(client))
        server = await accepted
        self.addCleanup(self._close, server, client)
        return server, tracker, client

    def _close(self, *protocols: Plain) -> Deferred[Any]:
        for protocol in protocols:
            if protocol.transport.connected:
                protocol.transport.abortConnection()
        return protocols[0].lost.addCallback(lambda _: protocols[1].lost)

    async def test_descriptor(self) -> None:
        """A descriptor goes through in both directions, and its byte is counted."""
        server, tracker, client = await self.connect()
        reading, writing = os.pipe()
        pairs: list[tuple[Plain, Plain]] = [(client, server), (server, client)]
        for protocol, peer in pairs:
            protocol.transport.sendFileDescriptor(writing)
            protocol.transport.write(b"!")
            while not peer.data:
                await _moment()
            (received,) = [heard for heard in peer.heard if isinstance(heard, int)]
            os.write(received, b"through")
            os.close(received)
            self.assertEqual(os.read(reading, 99), b"through")
        os.close(reading)
        os.close(writing)
        self.assertEqual((tracker.up, tracker.down), (1, 1))

    async def test_unread(self) -> None:
        """What a client does not read is not counted, however much was written, when the connection
        is aborted.
        """
        server, tracker, client = await self.connect()
        client.transport.pauseProducing()
        server.transport.write(b"x" * 5_000_000)
        last = -1
        while tracker.down != last:
            last = tracker.down
            await _moment()
        self.assertTrue(0 < tracker.down < 5_000_000)
        taken = tracker.down
        server.transport.abortConnection()
        await server.lost
        self.assertEqual(tracker.down, taken)
        client.transport.resumeProducing()
        await client.lost
        self.assertEqual(len(client.data), taken)

    async def test_peer_credentials(self) -> None:
        """The socket behind it can be asked for."""
        server, _, _ = await self.connect()
        self.assertEqual(server.transport.getHandle().family, socket.AF_UNIX)


def _given(protocol: Protocol) -> Any:
    """A factory of this one protocol."""

    class Given(Factory):
        noisy = False

        def buildProtocol(self, addr: IAddress | None) -> Protocol:
            return protocol

    return Given()


async def _moment() -> None:
    """Let the reactor run a little."""
    from twisted.internet.task import deferLater

    await deferLater(_reactor, 0.005)
