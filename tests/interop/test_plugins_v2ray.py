"""V2Ray's own traffic through plug-ins at both ends: the bytes arrive as they were sent, and the
counters of both pipetwists equal V2Ray's.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.site import page
from tests.interop.v2ray_pair import V2RayPair, query_traffic
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need
from tests.support.scratch import connected, free_port, scratch_folder, wait_until

_BIG = 64 * 1024 * 1024
_SMALL = 1024 * 1024
_PARALLEL = 50
_NEEDED = re.compile(r"clients need an outbound with (\{.*\})")


class PluginsV2RayTest(SynchronousTestCase):
    """A, which dials a pipetwist with the client's plug-in; B, which a pipetwist with the server's
    leads to; an HTTP server behind B, and downloads through A.
    """

    def setUp(self) -> None:
        """Start the pair."""
        for program in ("v2ray", "v2ctl"):
            need(program)
        self.folder = scratch_folder(self)
        self.pair = V2RayPair(self, self.folder)
        self.port = free_port(self)
        self.apis = [f"127.0.0.1:{free_port(self)}" for _ in range(2)]

    def test_obfs(self) -> None:
        """simple-obfs."""
        self.carry(
            {"type": "sip003", "plugin": need("obfs-local"), "plugin_opts": "obfs=http"},
            {"type": "sip003", "plugin": need("obfs-server"), "plugin_opts": "obfs=http"},
        )

    def test_v2ray_plugin(self) -> None:
        """v2ray-plugin, with several connections in one."""
        program = need("ss-v2ray-plugin")
        self.carry(
            {"type": "sip003", "plugin": program},
            {"type": "sip003", "plugin": program, "plugin_opts": "server"},
        )

    def test_v2ray_plugin_without_mux(self) -> None:
        """v2ray-plugin, with a connection for each."""
        program = need("ss-v2ray-plugin")
        self.carry(
            {"type": "sip003", "plugin": program, "plugin_opts": "mux=0"},
            {"type": "sip003", "plugin": program, "plugin_opts": "server;mux=0"},
        )

    def test_obfs4(self) -> None:
        """obfs4proxy."""
        command = {"command": [need("obfs4proxy")], "transport": "obfs4", "type": "pt"}
        self.carry({**command, "state_path": "client"}, {**command, "state_path": "server"})

    def carry(self, outbound: dict[str, Any], inbound: dict[str, Any]) -> None:
        """Download through them.

        The two bytes that end V2Ray's own stream may get lost when A closes: none of the programs
        half-closes, so one that is told of A's end closes with what the other end is still
        sending unread, which is a reset, and drops what is under way; B does likewise.
        """
        server = self.start(
            1,
            {"tag": "in", "listen_port": self.port, **inbound},
            {"type": "unix", "tag": "out", "path": str(self.pair.served)},
        )
        wait_until(lambda: " is ready" in server.log, "the server's plug-in")
        if outbound["type"] == "pt":
            wait_until(lambda: bool(_NEEDED.search(server.log)), "what clients need")
            (needed,) = _NEEDED.findall(server.log)
            outbound = {**outbound, **json.loads(needed)}
        client = self.start(
            0,
            {"type": "unix", "tag": "in", "path": str(self.pair.dialled)},
            {"tag": "out", "server": "127.0.0.1", "server_port": self.port, **outbound},
        )
        self.download(_BIG, "big")
        with ThreadPoolExecutor(_PARALLEL) as pool:
            list(
                pool.map(lambda number: self.download(_SMALL, f"small-{number}"), range(_PARALLEL))
            )
        wait_until(
            lambda: not connected(self.pair.dialled) and not connected(self.pair.served),
            "every connection to end",
        )
        sent = self.pair.traffic_sent_by_a()
        seen = self.pair.traffic_seen_by_b()
        at_client, at_server = map(query_traffic, self.apis)
        self.assertEqual(at_client, {("inbound", "in"): sent, ("outbound", "out"): sent})
        self.assertEqual(at_server["inbound", "in"], at_server["outbound", "out"])
        up, down = at_server["inbound", "in"]
        self.assertEqual((down, seen[1]), (sent[1], sent[1]))
        self.assertGreaterEqual(sent[0], up)
        self.assertGreaterEqual(up, seen[0])
        self.assertGreaterEqual(seen[0], sent[0] - 2 * (_PARALLEL + 1))
        self.assertGreater(sent[1], _BIG + _PARALLEL * _SMALL)
        client.stop()
        server.stop()

    def start(self, number: int, inbound: dict[str, Any], outbound: dict[str, Any]) -> Daemon:
        """Start one of the two pipetwists, which counts."""
        stats = {"enabled": True, "inbounds": ["in"], "outbounds": ["out"]}
        return start_daemon(
            self,
            {
                "inbounds": [inbound],
                "outbounds": [outbound],
                "experimental": {"v2ray_api": {"listen": self.apis[number], "stats": stats}},
            },
        )

    def download(self, size: int, name: str) -> None:
        """Download a page and compare it; digests, since trial would print the bytes."""
        self.assertEqual(
            sha256(self.pair.download(size, name)).hexdigest(), sha256(page(size, name)).hexdigest()
        )
