"""Two daemons with the two ends of a plug-in between them, and what goes through."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import Daemon, start_daemon
from tests.support.scratch import free_port, scratch_folder, wait_until

__all__ = ["SUM", "PluginPair", "exchange", "members_of"]

SUM = ("sh", "-c", "head -c 100000 | sha256sum")
"""A command that answers 100,000 bytes, and not before."""


def members_of(group: int) -> list[int]:
    """The processes of a group that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def exchange(path: Path, data: bytes, *, ends: bool = False) -> bytes:
    """Send something to a unix socket, and read what comes back until its end, or as much as was
    sent.

    Args:
        path: the socket.
        data: what is sent.
        ends: whether the input is ended then.
    """
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(120)
        client.connect(str(path))

        def send() -> None:
            client.sendall(data)
            if ends:
                client.shutdown(socket.SHUT_WR)

        sending = threading.Thread(target=send)
        sending.start()
        answer = bytearray()
        try:
            while len(answer) < len(data) and (piece := client.recv(1 << 16)):
                answer += piece
        except ConnectionResetError:  # it was cut off, with something unread
            pass
        sending.join(60)
    return bytes(answer)


class PluginPair(SynchronousTestCase):
    """Starts both ends: an inbound ``unix`` and the outbound of a kind; the inbound of a kind and
    a command.
    """

    def pair(
        self,
        outbound: Mapping[str, Any],
        inbound: Mapping[str, Any],
        command: tuple[str, ...] = ("cat",),
        **document: Any,
    ) -> None:
        """Start them.

        Args:
            outbound: the client's outbound, without its tag, its server and its port.
            inbound: the server's inbound, without its tag and its port.
            command: what answers at the server.
            document: more keys of both configurations.
        """
        self.folder = scratch_folder(self)
        self.port = free_port(self)
        self.server = start_daemon(
            self,
            {
                "inbounds": [{"tag": "in", "listen_port": self.port, **inbound}],
                "outbounds": [{"type": "fork", "tag": "tool", "command": list(command)}],
                **document,
            },
        )
        self.client = self.start_client(outbound, **document)

    def start_client(self, outbound: Mapping[str, Any], **document: Any) -> Daemon:
        """Start the client's end alone; its socket is ``in.sock`` in the folder."""
        self.path = self.folder / "in.sock"
        far = {"server": "127.0.0.1", "server_port": self.port}
        return start_daemon(
            self,
            {
                "inbounds": [{"type": "unix", "tag": "pipe", "path": str(self.path)}],
                "outbounds": [{"tag": "out", **far, **outbound}],
                **document,
            },
        )

    def plugin_of(self, daemon: Daemon) -> int:
        """The process of the only plug-in of a daemon, once it is ready."""
        ready = re.compile(r"the plug-in [\w-]+\[(\d+)\] is ready")
        wait_until(lambda: bool(ready.search(daemon.log)), "the plug-in is ready")
        return int(ready.findall(daemon.log)[-1])

    def another_of(self, daemon: Daemon, before: int) -> int:
        """As `plugin_of`, of one that has taken the place of the one before. Its line may come
        after bytes that went through it: a thread writes it.
        """
        wait_until(lambda: self.plugin_of(daemon) != before, "another plug-in")
        return self.plugin_of(daemon)

    def left(self, plugin: str) -> list[str]:
        """The processes that still run a program in the folder."""
        found = []
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = line.read_bytes().split(b"\0")
            except OSError:
                continue
            if str(self.folder / plugin).encode() in words:
                found.append(line.parent.name)
        return found

    @contextmanager
    def held(self) -> Iterator[socket.socket]:
        """A connection through both, by which something has come back."""
        with socket.socket(socket.AF_UNIX) as held:
            held.settimeout(60)
            held.connect(str(self.path))
            held.sendall(b"hello")
            self.assertEqual(held.recv(5), b"hello")
            yield held

    def assertBothSay(self, line: str) -> None:
        """Both have this in their log."""
        wait_until(lambda: line in self.client.log and line in self.server.log, "the lines")

    def assertSums(self) -> None:
        """A client that ends its input gets the answer of the server's command, which is `SUM`."""
        data = os.urandom(100_000)
        answer = exchange(self.path, data, ends=True)
        self.assertEqual(answer.split()[0].decode(), sha256(data).hexdigest())

    def assertCarries(self, size: int = 1 << 20) -> None:
        """What is sent comes back byte for byte."""
        data = os.urandom(size)
        answer = exchange(self.path, data)
        self.assertEqual(sha256(answer).digest(), sha256(data).digest())

    def assertNothingLeft(self, *groups: int) -> None:
        """Both daemons stop, and no process of these groups is left."""
        for daemon in (self.client, self.server):
            daemon.stop()
        for group in groups:
            self.assertEqual(members_of(group), [])
