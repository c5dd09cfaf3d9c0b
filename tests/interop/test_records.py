"""Connection records of a real daemon."""

from __future__ import annotations

import json
import os
import re
import socket
from operator import itemgetter
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import Daemon, start_daemon
from tests.support.scratch import (
    free_datagram_port,
    free_port,
    scratch_folder,
    wait_until,
)


class RecordsTest(SynchronousTestCase):
    """A daemon whose log says nothing of connections."""

    def setUp(self) -> None:
        """Choose the folder and the ports."""
        self.folder = scratch_folder(self)
        self.port, self.datagrams = free_port(self), free_datagram_port(self)
        self.metrics = free_port(self)

    def start(self, **log: Any) -> Daemon:
        """Start it, with users, a command and datagrams."""
        users = [{"name": "alice", "uid": os.getuid()}]
        return start_daemon(
            self,
            {
                "log": {"level": "warn", **log},
                "inbounds": [
                    {"type": "unix", "tag": "unix-in", "path": "in.sock", "users": users},
                    {"type": "tcp", "tag": "tcp-in", "listen_port": self.port},
                    {
                        "type": "udp",
                        "tag": "udp-in",
                        "listen_port": self.datagrams,
                        "udp_timeout": "100ms",
                    },
                ],
                "outbounds": [
                    {"type": "fork", "tag": "cat", "command": ["cat"]},
                    {"type": "unix", "tag": "nowhere", "path": "missing.sock"},
                    {"type": "unixgram", "tag": "no-datagrams", "path": "gram.sock"},
                ],
                "route": {
                    "rules": [
                        {"inbound": "tcp-in", "outbound": "nowhere"},
                        {"network": "udp", "outbound": "no-datagrams"},
                    ]
                },
                "metrics": {"listen": f"127.0.0.1:{self.metrics}"},
            },
            folder=self.folder,
        )

    def say(self, text: bytes) -> None:
        """Have a connection with the command that carries a text, and what it answers."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(self.folder / "in.sock"))
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(b"".join(iter(lambda: client.recv(1 << 16), b"")), text)

    def lost(self) -> str:
        """What the metrics say is lost."""
        with socket.create_connection(("127.0.0.1", self.metrics), 60) as client:
            client.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
            shown = b"".join(iter(lambda: client.recv(1 << 16), b"")).decode()
        found = re.search("^pipetwist_connection_records_lost_total (.*)$", shown, re.MULTILINE)
        return "" if found is None else found[1]

    def test_records(self) -> None:
        """Each connection that has ended is a line of the file, streams, failures and datagrams,
        those that a stop ends too.
        """
        daemon = self.start(connections="connections.jsonl")
        gram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(gram.close)
        gram.bind(str(self.folder / "gram.sock"))
        gram.settimeout(60)
        self.say(b"hello")
        with socket.create_connection(("127.0.0.1", self.port), 60) as client:
            of_tcp = client.getsockname()[1]
            self.assertRaises(ConnectionResetError, client.recv, 1)
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", self.datagrams))
            client.send(b"datagram")
            of_udp = client.getsockname()[1]
            self.assertEqual(gram.recv(100), b"datagram")
            path = self.folder / "connections.jsonl"
            wait_until(lambda: path.read_bytes().count(b"\n") == 3, "the association to end")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.folder / "in.sock"))
            client.settimeout(60)
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")
            self.assertEqual(self.lost(), "0.0")
            daemon.stop()
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        # A command's connection ends when the command has, and others may end before.
        lines.sort(key=itemgetter("id"))
        pid, uid, gid = os.getpid(), os.getuid(), os.getgid()
        unix = {
            "inbound": "unix-in",
            "outbound": "cat",
            "user": "alice",
            "source": f"pid:{pid}",
            "peer": f"pid:{pid} uid:{uid} gid:{gid}",
        }
        expected: list[dict[str, Any]] = [
            {**unix, "id": 1, "uplink": 5, "downlink": 5, "cause": None},
            {
                "id": 2,
                "inbound": "tcp-in",
                "outbound": "nowhere",
                "user": None,
                "source": "127.0.0.1",
                "peer": f"127.0.0.1:{of_tcp}",
                "pid": None,
                "uplink": 0,
                "cause": "connect",
            },
            {
                "id": 3,
                "inbound": "udp-in",
                "outbound": "no-datagrams",
                "peer": f"127.0.0.1:{of_udp}",
                "uplink": 8,
                "downlink": 0,
                "cause": "inactivity",
            },
            {**unix, "id": 4, "uplink": 1, "downlink": 1, "cause": "stopped"},
        ]
        for line, known in zip(lines, expected, strict=True):
            self.assertEqual({key: line[key] for key in known}, known)
            self.assertEqual(line["pid"] is not None, line["outbound"] == "cat")
            self.assertLessEqual(line["began"], line["ended"])
        self.assertIn("cannot connect", lines[1]["reason"])

    def test_rotated(self) -> None:
        """The file has a limit of its own, and so many full ones are kept."""
        daemon = self.start(
            connections="connections.jsonl",
            connections_max_size="1KB",
            connections_max_files=1,
        )
        for _ in range(12):
            self.say(b"hello")
        daemon.stop()
        files = sorted(self.folder.glob("connections.jsonl*"))
        self.assertEqual(
            [file.name for file in files], ["connections.jsonl", "connections.jsonl.1"]
        )
        numbers = [
            json.loads(line)["id"]
            for file in reversed(files)
            for line in file.read_text(encoding="utf-8").splitlines()
        ]
        # Two commands may end in another order than they began.
        self.assertEqual(len(set(numbers)), len(numbers))
        self.assertGreater(len(numbers), 2)
        self.assertLessEqual(max(file.stat().st_size for file in files), 1000)

    def test_full_disk(self) -> None:
        """What a full disk does not take is counted, and no connection notices."""
        self.start(connections="/dev/full")
        for _ in range(3):
            self.say(b"hello")
        wait_until(lambda: self.lost() == "3.0", "the loss to be counted")

    def test_none(self) -> None:
        """Without the key there is neither a file nor a metric."""
        self.start()
        self.say(b"hello")
        self.assertEqual(self.lost(), "")
        self.assertEqual(list(self.folder.glob("connections*")), [])
