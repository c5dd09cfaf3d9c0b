"""A plug-in that carries datagrams, run at both ends."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path
from typing import Any

from pipetwist.storage.offline import read_counters
from tests.interop.datagram_plugin import write_datagram_plugin
from tests.interop.plugin_pair import PluginPair, exchange
from tests.support.daemon import Daemon, start_daemon
from tests.support.scratch import free_datagram_port, scratch_folder, wait_until

_SIZES = (5, 0, 1, 1400, 60_000, 3)
_PART_SECONDS = 0.2


class _DatagramPair(PluginPair):
    """Two daemons. The client's takes streams and datagrams, as far as the plug-in carries them,
    and the server's sends both back.
    """

    mode = "tcp_and_udp"
    carries: tuple[str, ...] = ("tcp", "udp")
    transfer = "auto"

    def start(self, limits: dict[str, int] | None = None, **server: Any) -> tuple[int, int]:
        """Start both ends.

        Args:
            limits: those of both plug-ins' sides.
            **server: more keys of the server's inbound.

        Returns:
            Their plug-ins' processes.
        """
        self.folder = scratch_folder(self)
        self.port, self.dns = (free_datagram_port(self) for _ in range(2))
        self.path = self.folder / "in.sock"
        keys = {
            "type": "sip003",
            "plugin": write_datagram_plugin(self.folder),
            "plugin_mode": self.mode,
            "limits": limits,
        }
        options = ";".join(self.carries)
        inbound = {**keys, "plugin_opts": f"server;{options}", "tag": "in", **server}
        echo: list[dict[str, Any]] = [
            {"type": "fork", "tag": "streams", "command": ["cat"]},
            {"type": "fork", "tag": "datagrams", "command": ["cat"], "framing": "rfc4571"},
        ]
        self.server = self.start_one(
            "server",
            [{**inbound, "listen_port": self.port}],
            echo,
            [{"network": "udp", "outbound": "datagrams"}],
        )
        clients: list[dict[str, Any]] = [
            {"type": "unix", "tag": "pipe", "path": str(self.path)},
            {"type": "udp", "tag": "dns", "listen_port": self.dns},
        ]
        self.client = self.start_one(
            "client",
            [
                one
                for one, name in zip(clients, ("tcp", "udp"), strict=True)
                if name in self.carries
            ],
            [
                {
                    **keys,
                    "plugin_opts": options,
                    "tag": "out",
                    "server": "127.0.0.1",
                    "server_port": self.port,
                }
            ],
        )
        return self.plugin_of(self.client), self.plugin_of(self.server)

    def start_one(
        self,
        name: str,
        inbounds: list[dict[str, Any]],
        outbounds: list[dict[str, Any]],
        rules: list[dict[str, Any]] | None = None,
    ) -> Daemon:
        """Start one of them, which counts everything."""
        folder = self.folder / name
        folder.mkdir()
        stats = {
            "enabled": True,
            "inbounds": [one["tag"] for one in inbounds],
            "outbounds": [one["tag"] for one in outbounds],
            "store": "counters.db",
        }
        return start_daemon(
            self,
            {
                "drain_timeout": "100ms",
                "transfer": self.transfer,
                "inbounds": inbounds,
                "outbounds": outbounds,
                "route": {"rules": rules or []},
                "experimental": {"v2ray_api": {"stats": stats}},
            },
            folder=folder,
        )

    def source(self) -> socket.socket:
        """A client of datagrams."""
        source = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(source.close)
        source.connect(("127.0.0.1", self.dns))
        source.settimeout(60)
        return source

    def assertAnswers(self, source: socket.socket, datagram: bytes) -> None:
        """What is sent comes back."""
        source.send(datagram)
        self.assertEqual(source.recv(1 << 16), datagram)

    def answers_again(self, source: socket.socket, datagram: bytes) -> None:
        """Send something until it comes back: some may get lost on the way."""
        source.settimeout(_PART_SECONDS)

        def asked() -> bool:
            source.send(datagram)
            try:
                return source.recv(1 << 16) == datagram
            except TimeoutError:
                return False

        wait_until(asked, "an answer")

    def assertCounted(self, daemon: Daemon, expected: dict[str, int]) -> None:
        """So many bytes are counted both ways, by the tag."""
        figures = {
            f"{entity}>>>traffic>>>{way}": count
            for entity, count in expected.items()
            for way in ("uplink", "downlink")
        }
        seen: list[dict[str, int]] = [{}]

        def are_counted() -> bool:
            seen.append(
                {one.name: one.value for one in read_counters(daemon.folder / "counters.db")}
            )
            return seen[-1] == figures

        try:
            wait_until(are_counted, "the counters")
        except TimeoutError:
            self.assertEqual(seen[-1], figures)


class BothTest(_DatagramPair):
    """With streams."""

    def test_carries(self) -> None:
        """Streams and datagrams come back as they were, each routed for itself; the counters of
        what carries both are their sums, and nothing is left.
        """
        groups = self.start()
        stream, datagrams = os.urandom(100_000), [os.urandom(size) for size in _SIZES]
        self.assertEqual(exchange(self.path, stream), stream)
        for source in (self.source(), self.source()):
            for datagram in datagrams:
                self.assertAnswers(source, datagram)
        packets = 2 * sum(_SIZES)
        self.assertCounted(
            self.client,
            {
                "inbound>>>pipe": len(stream),
                "inbound>>>dns": packets,
                "outbound>>>out": len(stream) + packets,
            },
        )
        self.assertCounted(
            self.server,
            {
                "inbound>>>in": len(stream) + packets,
                "outbound>>>streams": len(stream),
                "outbound>>>datagrams": packets,
            },
        )
        self.assertNothingLeft(*groups)
        self.assertEqual(self.server.log.count(" in -> datagrams["), 2)


class BothStreamTest(BothTest):
    """The same over Twisted's transports."""

    transfer = "stream"


class FailingTest(_DatagramPair):
    """What ends, and who does not come in."""

    def test_killed(self) -> None:
        """When the client's plug-in is killed, what was open ends for that reason, and the next
        datagram of the same source goes through another one.
        """
        client, _ = self.start()
        source = self.source()
        self.assertAnswers(source, b"before")
        os.kill(client, signal.SIGKILL)
        why = "server: the plug-in two-ways failed: it was killed by SIGKILL"
        wait_until(lambda: why in self.client.log, "the reason")
        self.answers_again(source, b"after")
        self.another_of(self.client, client)
        self.assertCarries(1000)

    def test_killed_server(self) -> None:
        """So it is at the server, whose plug-in has its ports again."""
        _, server = self.start()
        source = self.source()
        self.assertAnswers(source, b"before")
        os.kill(server, signal.SIGKILL)
        why = "client: the plug-in two-ways failed: it was killed by SIGKILL"
        wait_until(lambda: why in self.server.log, "the reason")
        self.another_of(self.server, server)
        self.answers_again(source, b"after")
        self.assertCarries(1000)

    def test_stranger(self) -> None:
        """What others send to the daemon's port is refused, which is said once."""
        _, server = self.start()
        environment = Path(f"/proc/{server}/environ").read_text(encoding="ascii")
        found = re.search(r"SS_LOCAL_PORT=(\d+)", environment)
        assert found is not None
        said = "inbound in: refused datagrams that are not the plug-in's"
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            stranger.connect(("127.0.0.1", int(found[1])))
            stranger.send(b"let me in")
            wait_until(lambda: said in self.server.log, "the line")
            stranger.send(b"let me in")
            self.assertAnswers(self.source(), b"mine")
            self.server.stop()
        self.assertEqual(self.server.log.count(said), 1)
        self.assertIn("inbound in has dropped 2 datagrams that belonged to no", self.server.log)
        self.assertEqual(self.server.log.count(" in -> datagrams["), 1)


class DatagramsTest(_DatagramPair):
    """Without streams."""

    mode = "udp_only"
    carries = ("udp",)

    def test_carries(self) -> None:
        """Datagrams come back as they were, and are counted; an association ends after
        ``udp_timeout``. Limits are kept, which are more than this.
        """
        limits = {"up_mbps": 1000, "down_mbps": 1000}
        groups = self.start(limits, udp_timeout="300ms")
        source = self.source()
        for size in _SIZES:
            self.assertAnswers(source, os.urandom(size))
        packets = sum(_SIZES)
        self.assertCounted(self.client, {"inbound>>>dns": packets, "outbound>>>out": packets})
        self.assertCounted(
            self.server,
            {"inbound>>>in": packets, "outbound>>>datagrams": packets},
        )
        wait_until(lambda: "no byte moved for 0.3 s" in self.server.log, "its end")
        self.assertNothingLeft(*groups)

    def test_room(self) -> None:
        """One source more than ``max_associations`` takes the place of the oldest."""
        self.start(max_associations=1)
        sources = [self.source() for _ in range(2)]
        for source in sources:
            self.assertAnswers(source, b"x")
        said = "client: the oldest of max_associations (1) made room for another"
        wait_until(lambda: said in self.server.log, "the reason")
