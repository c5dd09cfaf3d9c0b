"""Real commands as client endpoints."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.protocols.basic import FileSender
from twisted.trial.unittest import TestCase

from pipetwist.errors import ConnectError
from pipetwist.process.endpoint import CommandEndpoint
from pipetwist.process.spawners import ReactorSpawner
from tests.process.endpoint_case import HalfClosingPeer, Peer, PeerFactory, Producer
from tests.support.scratch import has_ended, wait_until

_reactor: Any = reactor  # the module stands for whichever reactor trial has installed


class RealCommandsTest(TestCase):
    """Shells, and what they start."""

    timeout = 300

    async def connect(self, script: str, kind: type[Peer] = HalfClosingPeer, **options: Any) -> Any:
        """Start a shell with a script; the peer that is connected with it."""
        peer: Any = await CommandEndpoint(_reactor, ["/bin/sh", "-c", script], **options).connect(
            PeerFactory(kind)
        )

        def end() -> Deferred[Any] | None:
            if peer.over.called:
                return None
            peer.transport.abortConnection()
            ended: Deferred[Any] = peer.over
            return ended

        self.addCleanup(end)
        return peer

    async def test_both_ways(self) -> None:
        """A megabyte goes there and back, the ends of file after all of it, whoever starts the
        command.
        """
        for spawner in (None, ReactorSpawner(_reactor)):
            peer = await self.connect("cat; echo end", spawner=spawner)
            data = bytes(range(256)) * 4096
            peer.transport.write(data)
            peer.transport.loseWriteConnection()
            self.assertIsInstance(await peer.over, ConnectionDone)
            self.assertEqual((len(peer.data), peer.data == data + b"end\n"), (len(data) + 4, True))
            self.assertEqual(peer.heard, ["made", "write", "read", ConnectionDone])

    async def test_pull_producer(self) -> None:
        """A producer that is asked for each piece is asked for all of them, and the close
        follows.
        """
        peer = await self.connect("wc -c", Peer)
        await FileSender().beginFileTransfer(io.BytesIO(bytes(300_000)), peer.transport)
        peer.transport.loseWriteConnection()
        await peer.over
        self.assertEqual(peer.data.strip(), b"300000")

    async def test_pressure(self) -> None:
        """A command that does not read pauses a producer, and one that ends tells it to stop."""
        for spawner in (None, ReactorSpawner(_reactor)):
            peer = await self.connect("exec sleep 60", spawner=spawner)
            producer = Producer()
            peer.transport.registerProducer(producer, True)
            peer.transport.write(bytes(200_000))
            self.assertEqual(producer.asked, ["pause"])
            peer.transport.abortConnection()
            await peer.over
            self.assertEqual(producer.asked, ["pause", "stop"])

    async def test_group(self) -> None:
        """Aborting ends what the command has started too, SIGTERM ignored or not."""
        ready: Deferred[None] = Deferred()

        class Waiting(Peer):
            def dataReceived(self, data: bytes) -> None:
                super().dataReceived(data)
                if self.data.endswith(b"ready\n"):
                    ready.callback(None)

        peer = await self.connect(
            "trap '' TERM; sleep 60 & echo $$ $! ready; wait; wait", Waiting, kill_grace=0.1
        )
        await ready
        pids = [int(word) for word in peer.data.split()[:2]]
        peer.transport.abortConnection()
        self.assertIsInstance(await peer.over, ConnectionAborted)
        for pid in pids:
            wait_until(lambda pid=pid: has_ended(pid), f"the end of {pid}")  # type: ignore[misc]  # mypy can't infer a lambda with a default

    async def test_folder(self) -> None:
        """It starts in the folder that it is to start in."""
        peer = await self.connect("pwd", cwd="/")
        await peer.over
        self.assertEqual(peer.data, b"/\n")

    async def test_can_not_start(self) -> None:
        """A command that has gone since the endpoint was made fails its connection."""
        path = Path(self.mktemp()).absolute()
        path.write_text("#!/bin/sh\n", encoding="ascii")
        path.chmod(0o700)
        endpoint = CommandEndpoint(_reactor, [str(path)])
        path.unlink()
        with self.assertRaises(ConnectError) as caught:
            await endpoint.connect(PeerFactory())
        self.assertEqual(str(caught.exception), f"{path}: No such file or directory")
