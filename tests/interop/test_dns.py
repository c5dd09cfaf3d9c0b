"""dig asks a DNS server through pipetwist, by every way that datagrams can go; what dig says that
it sent and got is what is counted.
"""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.dns import ADDRESS, TEXTS, Answer, dig, start_dns
from tests.interop.v2ray_pair import query_traffic
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need
from tests.support.scratch import free_datagram_port, scratch_folder, wait_until

_AT_ONCE = 6
_RELAY = Path(__file__).parent / "framed_relay.py"


class DnsTest(SynchronousTestCase):
    """One way at a time, asked at once for answers that are short and for answers that take
    EDNS.
    """

    transfer = "auto"

    def setUp(self) -> None:
        """Start the DNS server."""
        for program in ("dig", "dnsmasq", "v2ctl"):
            need(program)
        self.folder = scratch_folder(self)
        self.server = start_dns(self, self.folder)
        self.port = free_datagram_port(self)

    def test_udp(self) -> None:
        """Queries resolve from UDP to UDP."""
        self._try({"type": "udp", "listen_port": self.port}, self._to_udp())

    def test_framed_pipe(self) -> None:
        """Queries resolve through two pipetwists with a unix socket between them, on which
        datagrams are framed.
        """
        far = scratch_folder(self)
        pipe = str(far / "pipe.sock")
        self._start({"type": "unix", "path": pipe, "framing": "rfc4571"}, self._to_udp(), far)
        self._try(
            {"type": "udp", "listen_port": self.port},
            {"type": "unix", "path": pipe, "framing": "rfc4571"},
        )

    def test_command(self) -> None:
        """Queries resolve through a command that takes and gives framed datagrams."""
        command = [sys.executable, str(_RELAY), "127.0.0.1", str(self.server)]
        self._try(
            {"type": "udp", "listen_port": self.port},
            {"type": "fork", "command": command, "framing": "rfc4571"},
        )

    def test_socat_command(self) -> None:
        """Through socat as the command UDP queries resolve as DNS over TCP, which has the same
        framing.
        """
        command = [need("socat"), "-", f"TCP:127.0.0.1:{self.server}"]
        self._try(
            {"type": "udp", "listen_port": self.port},
            {"type": "fork", "command": command, "framing": "rfc4571"},
        )

    def test_tcp_server(self) -> None:
        """UDP queries resolve as DNS over TCP at a framed outbound."""
        outbound = {
            "type": "tcp",
            "server": "127.0.0.1",
            "server_port": self.server,
            "framing": "rfc4571",
        }
        self._try({"type": "udp", "listen_port": self.port}, outbound)

    def test_endpoints(self) -> None:
        """DNS over TCP comes in at a framed endpoint, and goes out at one."""
        inbound = {
            "type": "endpoint",
            "endpoint": f"tcp:{self.port}:interface=127.0.0.1",
            "framing": "rfc4571",
        }
        self._try(
            inbound,
            {"type": "endpoint", "endpoint": f"tcp:127.0.0.1:{self.server}", "framing": "rfc4571"},
            "+tcp",
        )

    def test_server_endpoint(self) -> None:
        """UDP queries resolve as DNS over TCP at a framed endpoint."""
        outbound = {
            "type": "endpoint",
            "endpoint": f"tcp:127.0.0.1:{self.server}",
            "framing": "rfc4571",
        }
        self._try({"type": "udp", "listen_port": self.port}, outbound)

    def test_tcp_client(self) -> None:
        """DNS over TCP comes in at a framed inbound and resolves as UDP queries."""
        self._try(
            {"type": "tcp", "listen_port": self.port, "framing": "rfc4571"}, self._to_udp(), "+tcp"
        )

    def _to_udp(self) -> dict[str, Any]:
        return {"type": "udp", "server": "127.0.0.1", "server_port": self.server}

    def _try(self, inbound: dict[str, Any], outbound: dict[str, Any], *options: str) -> None:
        daemon = self._start(inbound, outbound, self.folder)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = list(
                pool.map(
                    lambda kind: dig(self.port, kind, *options), ["A", "TXT"] * (_AT_ONCE // 2)
                )
            )
        for short, long in zip(answers[::2], answers[1::2], strict=True):
            self.assertEqual(short.records, [ADDRESS])
            self.assertEqual(sorted(long.records), TEXTS)
            self.assertGreater(long.downlink, 3000)
        self._expect_counted(answers)
        daemon.stop()
        lines = re.findall(r"in -> out.* up=(\d+) down=(\d+): (.*)", daemon.log)
        told = [(int(uplink), int(downlink)) for uplink, downlink, _ in lines]
        self.assertEqual(
            sorted(told), sorted((answer.uplink, answer.downlink) for answer in answers), daemon.log
        )
        self.assertEqual([reason for _, _, reason in lines if "dropped" in reason], [])

    def _expect_counted(self, answers: list[Answer]) -> None:
        """The counters equal what dig says; an answer counts a moment after the client has it."""
        both = (
            sum(answer.uplink for answer in answers),
            sum(answer.downlink for answer in answers),
        )
        counted: dict[Any, Any] = {}

        def all_counted() -> bool:
            counted.update(query_traffic(f"unix:{self.folder}/api.sock"))
            return counted == {("inbound", "in"): both, ("outbound", "out"): both}

        try:
            wait_until(all_counted, "the counters")
        except TimeoutError:
            self.assertEqual(counted, {("inbound", "in"): both, ("outbound", "out"): both})

    def _start(self, inbound: dict[str, Any], outbound: dict[str, Any], folder: Path) -> Daemon:
        configuration = {
            "transfer": self.transfer,
            "drain_timeout": "10ms",
            "inbounds": [{"tag": "in", **inbound}],
            "outbounds": [{"tag": "out", **outbound}],
            "experimental": {
                "v2ray_api": {
                    "listen": f"unix:{folder}/api.sock",
                    "stats": {"enabled": True, "inbounds": ["in"], "outbounds": ["out"]},
                }
            },
        }
        return start_daemon(self, configuration, folder=folder)


class StreamDnsTest(DnsTest):
    """The same with streams whose bytes Twisted's transports move."""

    transfer = "stream"
