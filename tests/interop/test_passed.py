"""What programs tell and pass each other over unix sockets beside the bytes, and what comes of it
with pipetwist between.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import Daemon, start_daemon
from tests.support.scratch import scratch_folder

_UCRED = struct.Struct("i2I")  # pid, uid, gid
_ROOM = 1024
_MANY = 50


class PassedTest(SynchronousTestCase):
    """A client and a server on unix sockets."""

    transfer = "kernel"

    def setUp(self) -> None:
        """Listen as the server."""
        self.folder = scratch_folder(self)
        self.server = self.open(socket.SOCK_STREAM)
        self.server.bind(str(self.folder / "out.sock"))
        self.server.listen()

    def open(self, kind: socket.SocketKind) -> socket.socket:
        """A unix socket; the test's clean-up closes it."""
        opened = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(opened.close)
        opened.settimeout(60)
        return opened

    def start(self, kind: str = "unix", **keys: Any) -> Daemon:
        """Start the daemon between the two."""
        inbound, outbound = (
            {"type": kind, "tag": tag, "path": f"{tag}.sock"} for tag in ("in", "out")
        )
        return start_daemon(
            self,
            {"inbounds": [inbound], "outbounds": [outbound], "drain_timeout": "10ms", **keys},
            folder=self.folder,
        )

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """Both ends of a connection."""
        client = self.open(socket.SOCK_STREAM)
        client.connect(str(self.folder / "in.sock"))
        server, _ = self.server.accept()
        self.addCleanup(server.close)
        server.settimeout(60)
        return client, server

    def pass_descriptor(self, client: socket.socket) -> int:
        """Pass the writing end of a pipe along with a greeting; the reading end, which ends when
        nobody has the other any more.
        """
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        socket.send_fds(client, [b"hello"], [writing])
        os.close(writing)
        return reading

    def assert_closed(self, reading: int) -> None:
        """Nobody has the writing end any more."""
        self.assertEqual(select.select([reading], [], [], 20)[0], [reading])
        self.assertEqual(os.read(reading, 1), b"")

    def test_descriptors(self) -> None:
        """A descriptor that a client passes is closed on the way; the bytes beside it arrive."""
        self.start(transfer=self.transfer)
        client, server = self.connect()
        reading = self.pass_descriptor(client)
        self.assertEqual(server.recvmsg(_ROOM, _ROOM)[:2], (b"hello", []))
        self.assert_closed(reading)

    def test_many(self) -> None:
        """So is each of many among bytes that are enough to be spliced, which arrive as they were
        sent.
        """
        self.start(transfer=self.transfer)
        client, server = self.connect()
        chunk = bytes(range(256)) * 1024
        sent = (chunk + b"hello") * _MANY
        received, besides = bytearray(), []

        def receive() -> None:
            while len(received) < len(sent):
                data, beside, _, _ = server.recvmsg(len(chunk), _ROOM)
                besides.extend(beside)
                received.extend(data)
                if not data:
                    return

        receiving = threading.Thread(target=receive)
        receiving.start()
        self.addCleanup(receiving.join)
        readings = []
        for _ in range(_MANY):
            client.sendall(chunk)
            readings.append(self.pass_descriptor(client))
        receiving.join(60)
        self.assertTrue(received == sent, len(received))
        self.assertEqual(besides, [])
        for reading in readings:
            self.assert_closed(reading)

    def test_credentials(self) -> None:
        """To the server the client is the daemon, by the kernel's word."""
        daemon = self.start(transfer=self.transfer)
        _, server = self.connect()
        said = _UCRED.unpack(server.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
        self.assertEqual(said, (daemon.pid, os.geteuid(), os.getegid()))


class StreamPassedTest(PassedTest):
    """The same where Twisted's transports move the bytes."""

    transfer = "stream"


class DatagramsTest(PassedTest):
    """The same with datagrams, each of which the kernel says the sender of."""

    def setUp(self) -> None:
        """Have a socket as the server."""
        self.folder = scratch_folder(self)
        self.server = self.open(socket.SOCK_DGRAM)
        self.server.bind(str(self.folder / "out.sock"))
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def send(self) -> tuple[int, list[tuple[int, int, bytes]]]:
        """Send a datagram with a descriptor: the pipe's reading end, and what has come to the
        server beside the datagram.
        """
        client = self.open(socket.SOCK_DGRAM)
        client.connect(str(self.folder / "in.sock"))
        reading = self.pass_descriptor(client)
        datagram, beside, _, _ = self.server.recvmsg(_ROOM, _ROOM)
        self.assertEqual(datagram, b"hello")
        return reading, beside

    def test_descriptors(self) -> None:
        """A descriptor that a client passes is closed on the way; the datagram arrives."""
        self.start("unixgram")
        reading, beside = self.send()
        self.assertNotIn(socket.SCM_RIGHTS, [kind for _, kind, _ in beside])
        self.assert_closed(reading)

    def test_many(self) -> None:
        """So is each of many, of as many sources."""
        self.start("unixgram")
        for reading, beside in [self.send() for _ in range(_MANY)]:
            self.assertNotIn(socket.SCM_RIGHTS, [kind for _, kind, _ in beside])
            self.assert_closed(reading)

    def test_credentials(self) -> None:
        """To the server the sender is the daemon, by the kernel's word."""
        daemon = self.start("unixgram")
        _, beside = self.send()
        said = [_UCRED.unpack(data) for _, kind, data in beside if kind == socket.SCM_CREDENTIALS]
        self.assertEqual(said, [(daemon.pid, os.geteuid(), os.getegid())])
