"""Streams over real sockets."""

from __future__ import annotations

import json
import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pipetwist.page.feed import Feed
from pipetwist.page.resources import page_resources
from pipetwist.page.stream import MAX_PAUSE, Stream
from pipetwist.web.options import WebOptions
from pipetwist.web.service import WebService
from tests.support.pretended_relay import PretendedRelay
from tests.support.waiting import clock, until

_REQUEST = b"GET /api/events?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
_MAX_SEGMENT = 1 << 16  # by so much the kernel may exceed either buffer that it was asked for


class SocketsTest(TestCase):
    """The page of a relay that carries nothing, whose seconds are the test's, on a real
    listener.
    """

    timeout = 300

    def setUp(self) -> None:
        """Listen, and note what streams are sent."""
        # Long names make large events.
        self.relay = PretendedRelay(connections=1000, users=[letter * 200 for letter in "abcdefgh"])
        self.feed = Feed(
            self.relay.clock, self.relay.connection_table, self.relay.store, self.relay.now
        )
        self.web = WebService(WebOptions(listen="127.0.0.1:0"), reactor)
        for name, resource in page_resources(self.feed).items():
            self.web.put(name, resource)
        self.web.before_stop(self.feed.close)
        self.web.startService()
        self.addCleanup(self.web.stopService)
        self.sent: list[int] = []
        send = Stream.send

        def noted(stream: Stream, kind: bytes, data: bytes) -> None:
            self.sent.append(len(data))
            send(stream, kind, data)

        self.patch(Stream, "send", noted)

    async def watch(self) -> socket.socket:
        """A client that asks for events, has been sent the first, and does not read it.

        What the kernel holds for it is asked to be little, and the first event is more than that
        and all that its transport takes before it pauses the stream: so the stream stays paused,
        however quick the kernel is, until the client reads.
        """
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(60)
        assert self.web.address is not None
        client.connect(("127.0.0.1", self.web.address.port))
        client.sendall(_REQUEST)
        await until(lambda: len(self.feed) == 1, "the stream")
        (stream,) = self.feed._streams
        transport = stream._request.channel.transport
        server = transport.getHandle()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        held = server.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) + client.getsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF
        )
        self.relay.advance()
        self.assertGreater(self.sent[0], transport.bufferSize + held + 2 * _MAX_SEGMENT)
        self.assertTrue(self.pausing())
        return client

    async def test_reader_that_does_not_read(self) -> None:
        """What waits for a client that does not read is bounded by one event, and the client is
        dropped; its connection ends.
        """
        client = await self.watch()
        for _ in range(int(MAX_PAUSE)):
            self.relay.advance()
            await deferLater(clock, 0)
        self.assertEqual((len(self.sent), len(self.feed)), (1, 1))
        self.relay.advance()
        self.assertEqual((len(self.sent), len(self.feed)), (1, 0))
        self.assertLess(len(await deferToThread(_rest, client)), sum(self.sent))

    async def test_reader_that_goes_on(self) -> None:
        """A client that reads on after a while gets a whole snapshot next, and no part of an event
        is missing.
        """
        client = await self.watch()
        lost = 5
        for _ in range(lost):
            self.relay.advance()
        reading = deferToThread(_rest, client)
        await until(lambda: not self.pausing(), "the client to have read the first event")
        self.relay.advance()
        await until(lambda: not self.pausing(), "the client to have read the second")
        await self.web.stopService()
        events = _events(await reading)
        self.assertEqual([kind for kind, _ in events], ["snapshot", "snapshot"])
        self.assertEqual(events[-1][1]["time"] - events[0][1]["time"], lost + 1)

    def pausing(self) -> bool:
        """Whether the stream's transport takes no more."""
        (stream,) = self.feed._streams
        return not stream.ready


def _rest(client: socket.socket) -> bytes:
    """What a client reads until the end."""
    pieces = []
    try:
        while piece := client.recv(1 << 16):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def _events(answer: bytes) -> list[tuple[str, Any]]:
    """The kind and the data of each event of a chunked answer."""
    _, _, body = answer.partition(b"\r\n\r\n")
    text = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        text, body = text + body[:length], body[length + 2 :]
        if not length:
            break
    blocks = [
        dict(line.split(": ", 1) for line in block.split("\n"))
        for block in text.decode("ascii").strip().split("\n\n")
    ]
    return [(fields["event"], json.loads(fields["data"])) for fields in blocks if "data" in fields]
