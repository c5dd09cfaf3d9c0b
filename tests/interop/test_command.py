"""The command ``pipetwist`` asks V2Ray, as it asks pipetwist."""

from __future__ import annotations

import json
import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.v2ray_pair import V2RayPair, query_traffic
from tests.support.command_line import call
from tests.support.daemon import start_daemon
from tests.support.peers import need
from tests.support.scratch import connected, scratch_folder, wait_until

_SIZE = 100_000


class CommandTest(SynchronousTestCase):
    """A pair of V2Rays with pipetwist between, after one download."""

    def setUp(self) -> None:
        """Start all three, and download."""
        for program in ("v2ray", "v2ctl"):
            need(program)
        folder = scratch_folder(self)
        self.pair = V2RayPair(self, folder)
        self.unix = f"unix:{folder}/api.sock"
        start_daemon(
            self,
            {
                "inbounds": [
                    {
                        "type": "unix",
                        "tag": "pipe-in",
                        "path": str(self.pair.dialled),
                        "users": [{"name": "me", "uid": os.getuid()}],
                    }
                ],
                "outbounds": [{"type": "unix", "tag": "out", "path": str(self.pair.served)}],
                "experimental": {
                    "v2ray_api": {
                        "listen": self.unix,
                        "stats": {
                            "enabled": True,
                            "inbounds": ["pipe-in"],
                            "outbounds": ["out"],
                            "users": ["me"],
                        },
                    }
                },
            },
            folder=folder,
        )
        self.pair.download(_SIZE, "page")
        wait_until(
            lambda: not connected(self.pair.dialled) and not connected(self.pair.served),
            "every connection to end",
        )

    def stats(self, *arguments: str, says: str = "") -> dict[str, int]:
        """What ``pipetwist stats`` gives, and says on standard error."""
        status, output, errors = call("stats", "--json", *arguments)
        self.assertEqual((status, errors), (0, says))
        return {stat["name"]: stat["value"] for stat in json.loads(output)["stat"]}

    def test_v2ray(self) -> None:
        """V2Ray's counters are those that its own client gives, chosen and reset one by one where
        patterns say so.
        """
        api = self.pair.api_b
        everything = self.stats("-s", api)
        user = {
            name: value
            for name, value in everything.items()
            if name.startswith("user>>>user1@example.test>>>")
        }
        self.assertEqual(len(user), 2)
        self.assertEqual(
            (
                everything["inbound>>>pipe-in>>>traffic>>>uplink"],
                everything["inbound>>>pipe-in>>>traffic>>>downlink"],
            ),
            query_traffic(api)["inbound", "pipe-in"],
        )
        self.assertGreater(everything["inbound>>>pipe-in>>>traffic>>>downlink"], _SIZE)
        says = 'pipetwist: no counter matches "^nobody>"\n'
        self.assertEqual(self.stats("-s", api, "--regexp", "^user>", "^nobody>", says=says), user)
        says = 'pipetwist: no counter matches "nobody"\n'
        self.assertEqual(self.stats("-s", api, "--reset", "user1", "nobody", says=says), user)
        left = self.stats("-s", api)
        # The questions themselves pass V2Ray's inbound api-in, whose counters grow with them.
        asked = {name for name in left if ">>>api" in name}
        self.assertEqual(
            _without(left, asked), _without({**everything, **dict.fromkeys(user, 0)}, asked)
        )

    def test_sys_of_v2ray(self) -> None:
        """V2Ray's figures come by their names."""
        status, output, _ = call("sys", "--json", "-s", self.pair.api_a)
        figures: dict[str, Any] = json.loads(output)
        self.assertEqual(status, 0)
        self.assertGreater(figures["Alloc"], 100_000)
        self.assertGreater(figures["Mallocs"], figures["LiveObjects"])

    def test_online_of_v2ray(self) -> None:
        """V2Ray does not know who is online, which is said in words."""
        status, output, errors = call("online", "-s", self.pair.api_a)
        self.assertEqual((status, output), (1, ""))
        self.assertIn("this server can't list who is online", errors)

    def test_between(self) -> None:
        """Pipetwist between them has what A's client says of A."""
        sent = self.pair.traffic_sent_by_a()
        found = self.stats("-s", self.unix)
        for entity in ("inbound>>>pipe-in", "outbound>>>out", "user>>>me"):
            self.assertEqual(
                (found[f"{entity}>>>traffic>>>uplink"], found[f"{entity}>>>traffic>>>downlink"]),
                sent,
            )


def _without(values: dict[str, int], names: set[str]) -> dict[str, int]:
    return {name: value for name, value in values.items() if name not in names}
