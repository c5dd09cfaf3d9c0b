"""V2Ray's own traffic through pipetwist: the bytes arrive as they were sent, and the counters equal
V2Ray's.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.site import page
from tests.interop.v2ray_pair import V2RayPair, query_traffic
from tests.support.daemon import start_daemon
from tests.support.peers import need
from tests.support.scratch import connected, free_port, scratch_folder, wait_until

_BIG = 64 * 1024 * 1024
_SMALL = 1024 * 1024
_PARALLEL = 50


class V2RayTest(SynchronousTestCase):
    """A, which dials pipetwist; B, which pipetwist's outbound leads to; an HTTP server behind B,
    and downloads through A.
    """

    transfer = "auto"

    def setUp(self) -> None:
        """Start the pair."""
        for program in ("v2ray", "v2ctl"):
            need(program)
        self.folder = scratch_folder(self)
        self.pair = V2RayPair(self, self.folder)

    def test_unix_outbound(self) -> None:
        """Downloads through a unix outbound are byte-identical, and pipetwist counts what A and B
        count.
        """
        self._carry({"type": "unix", "path": str(self.pair.served)})

    def test_fork_outbound_with_socat(self) -> None:
        """Downloads through a socat for each connection are byte-identical, and pipetwist counts
        what A and B count.
        """
        self._carry(
            {"type": "fork", "command": [need("socat"), "-", f"UNIX-CONNECT:{self.pair.served}"]}
        )

    def test_fork_outbound_with_ncat(self) -> None:
        """Downloads through an ncat for each connection are byte-identical, and pipetwist counts
        what A and B count.
        """
        self._carry({"type": "fork", "command": [need("ncat"), "-U", str(self.pair.served)]})

    def _carry(self, outbound: dict[str, Any]) -> None:
        api = f"127.0.0.1:{free_port(self)}"
        daemon = start_daemon(
            self,
            {
                "transfer": self.transfer,
                "inbounds": [{"type": "unix", "tag": "pipe-in", "path": str(self.pair.dialled)}],
                "outbounds": [{"tag": "out", **outbound}],
                "experimental": {
                    "v2ray_api": {
                        "listen": api,
                        "stats": {"enabled": True, "inbounds": ["pipe-in"], "outbounds": ["out"]},
                    },
                },
            },
            folder=self.folder,
        )
        self._download(_BIG, "big")
        with ThreadPoolExecutor(_PARALLEL) as pool:
            list(
                pool.map(lambda number: self._download(_SMALL, f"small-{number}"), range(_PARALLEL))
            )
        wait_until(
            lambda: not connected(self.pair.dialled) and not connected(self.pair.served),
            "every connection to end",
        )

        sent = self.pair.traffic_sent_by_a()
        counted = query_traffic(api)
        self.assertEqual(self.pair.traffic_seen_by_b(), sent)
        self.assertEqual(counted, {("inbound", "pipe-in"): sent, ("outbound", "out"): sent})
        self.assertGreater(sent[1], _BIG + _PARALLEL * _SMALL)
        daemon.stop()

    def _download(self, size: int, name: str) -> None:
        """Download a page and compare it; digests, since trial would print the bytes."""
        self.assertEqual(
            sha256(self.pair.download(size, name)).hexdigest(), sha256(page(size, name)).hexdigest()
        )


class StreamV2RayTest(V2RayTest):
    """The same with bytes that Twisted's transports move."""

    transfer = "stream"
