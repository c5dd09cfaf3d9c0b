"""Two V2Rays as in etc/v2ray/, A that dials ``x.sock`` and B that serves ``y.sock``, and the site
that is downloaded through both.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.examples import copy_example
from tests.interop.site import Site
from tests.support.peers import need, start_peer
from tests.support.scratch import free_port, listens, wait_until

__all__ = ["Traffic", "V2RayPair", "query_traffic"]

Traffic = tuple[int, int]
"""Bytes up and down."""

_STAT = re.compile(r'stat:\s*<\s*name:\s*"([^"]+)"(?:\s*value:\s*([0-9]+))?\s*>')


class V2RayPair:
    """The running pair; the test's clean-up ends it. The relay under test belongs between `dialled`
    and `served`.

    Args:
        case: the test.
        folder: where the sockets and logs go.
        port: that A dials over TLS, in the place of ``x.sock``.
        tls: what A's ``tlsSettings`` are then.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        folder: Path,
        port: int | None = None,
        tls: Mapping[str, object] | None = None,
    ) -> None:
        self.dialled = folder / "x.sock"
        self.served = folder / "y.sock"
        self._case = case
        self._folder = folder
        self._port, self._tls = port, tls
        self.site = Site(case)
        self.door, self._api_a, self._api_b = (free_port(case) for _ in range(3))
        self._start(
            "server",
            [self.served, self._api_b],
            {"/run/v2ray/pipetwist.sock": self.served, "10087": self._api_b},
        )
        self._start(
            "client",
            [self.door, self._api_a],
            {"/run/pipetwist/v2ray.sock": self.dialled, "8080": self.door, "10086": self._api_a},
        )

    def _lead_to_site(self, path: Path) -> None:
        """Let the door lead to the site alone, and have the bytes neither encrypted nor ended by a
        chunk of their own.

        A closes when it has the page, and does not always read the bytes of V2Ray's own that
        follow; their counts would differ.
        """
        document = json.loads(path.read_text(encoding="utf-8"))
        settings = {"address": "127.0.0.1", "port": self.site.port, "network": "tcp"}
        document["inbounds"][0] |= {"protocol": "dokodemo-door", "settings": settings}
        (server,) = document["outbounds"][0]["settings"]["vnext"]
        server["users"][0]["security"] = "none"
        if self._port is not None:
            server["port"] = self._port
            document["outbounds"][0]["streamSettings"] = {
                "network": "tcp",
                "security": "tls",
                "tlsSettings": self._tls,
            }
        path.write_text(json.dumps(document), encoding="utf-8")

    def download(self, size: int, name: str) -> bytes:
        """Fetch one page of the site through the pair."""
        return self.site.download(self.door, size, name)

    def traffic_sent_by_a(self) -> Traffic:
        """What A wrote to its outbound's socket, and read there."""
        return query_traffic(self.api_a)["outbound", "pipe-out"]

    def traffic_seen_by_b(self) -> Traffic:
        """What B read at its inbound's socket, and wrote there."""
        return query_traffic(self.api_b)["inbound", "pipe-in"]

    @property
    def api_a(self) -> str:
        """Where A serves its StatsService."""
        return f"127.0.0.1:{self._api_a}"

    @property
    def api_b(self) -> str:
        """Where B serves its StatsService."""
        return f"127.0.0.1:{self._api_b}"

    def _start(self, name: str, addresses: list[Path | int], instead: Mapping[str, object]) -> None:
        path = copy_example(
            f"v2ray/{name}/v2ray.json", self._folder / f"v2ray-{name}.json", instead
        )
        if name == "client":
            self._lead_to_site(path)
        start_peer(self._case, [need("v2ray"), "-config", str(path)], self._folder)
        wait_until(lambda: all(map(listens, addresses)), f"V2Ray's {name} to listen on {addresses}")


def query_traffic(server: str, pattern: str = "") -> dict[tuple[str, str], Traffic]:
    """Ask a StatsService for its traffic, with V2Ray's own client.

    Args:
        server: ``host:port`` or ``unix:/path``.
        pattern: names the counters that are wanted.

    Returns:
        For each entity and name, such as ``("inbound", "pipe-in")``, its bytes up and down.
    """
    said = subprocess.run(
        [
            need("v2ctl"),
            "api",
            f"--server={server}",
            "StatsService.QueryStats",
            f'pattern: "{pattern}" reset: false',
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if said.returncode:
        message = f"v2ctl got no answer from {server}: {said.stderr}"
        raise AssertionError(message)
    found: dict[tuple[str, str], dict[str, int]] = {}
    for full_name, value in _STAT.findall(said.stdout):
        entity, name, _, direction = full_name.split(">>>")
        found.setdefault((entity, name), {})[direction] = int(value or 0)
    return {key: (figures["uplink"], figures["downlink"]) for key, figures in found.items()}
