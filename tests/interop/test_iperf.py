"""iperf3's UDP test through pipetwist: what is lost, and that what is counted is what iperf3 has
sent and received.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.iperf import GREETING, Run, run_iperf
from tests.interop.v2ray_pair import Traffic, query_traffic
from tests.support.daemon import start_daemon
from tests.support.peers import need
from tests.support.scratch import free_datagram_port, scratch_folder, wait_until

_ALL_FIT = "350k"
"""60 datagrams in all: they have room in the smallest of the sockets' buffers, so none is lost
however long somebody has no processor.
"""
_BUSY = "200M"


class IperfTest(SynchronousTestCase):
    """iperf3 for two seconds, with its own connection through pipetwist as well."""

    def setUp(self) -> None:
        """Start pipetwist on a port for both, in front of a port for both."""
        for program in ("iperf3", "v2ctl"):
            need(program)
        self.folder = scratch_folder(self)
        self.port, self.server = free_datagram_port(self), free_datagram_port(self)
        server = {"server": "127.0.0.1", "server_port": self.server}
        self.daemon = start_daemon(
            self,
            {
                "inbounds": [
                    {"type": "udp", "tag": "data-in", "listen_port": self.port},
                    {"type": "tcp", "tag": "control-in", "listen_port": self.port},
                ],
                "outbounds": [
                    {"type": "udp", "tag": "data-out", **server},
                    {"type": "tcp", "tag": "control-out", **server},
                ],
                "route": {"rules": [{"inbound": ["control-in"], "outbound": "control-out"}]},
                "experimental": {
                    "v2ray_api": {
                        "listen": f"unix:{self.folder}/api.sock",
                        "stats": {
                            "enabled": True,
                            "inbounds": ["data-in"],
                            "outbounds": ["data-out"],
                        },
                    }
                },
            },
            folder=self.folder,
        )

    def test_uplink(self) -> None:
        """Every datagram goes to the server and none is missing there, and as many bytes are
        counted as iperf3 has sent.
        """
        run, counted = self._carried(_ALL_FIT, reverse=False)
        self._check_whole(run)
        self.assertEqual(counted, (run.sent + GREETING, GREETING))

    def test_downlink(self) -> None:
        """Every datagram goes to the client and none is missing there, and as many bytes are
        counted as iperf3 has sent.
        """
        run, counted = self._carried(_ALL_FIT, reverse=True)
        self._check_whole(run)
        self.assertEqual(counted, (GREETING, run.sent + GREETING))

    def test_busy(self) -> None:
        """At 200 Mbit/s each way no more is counted than was sent, and no less than arrived; what
        is lost is the machine's matter.
        """
        for reverse in (False, True):
            run, counted = self._carried(_BUSY, reverse=reverse)
            self.assertGreater(run.received, 0)
            self.assertTrue(
                run.received + GREETING <= counted[reverse] <= run.sent + GREETING, (run, counted)
            )

    def _check_whole(self, run: Run) -> None:
        """Nothing is missing of what iperf3 has read. It may stop with the last ones unread, where
        it had no processor for a while.
        """
        self.assertEqual(run.lost, 0)
        self.assertTrue(0 < run.received <= run.sent, run)

    def _carried(self, rate: str, *, reverse: bool) -> tuple[Run, Traffic]:
        """One run, and what was counted meanwhile."""
        before = self._counted()
        run = run_iperf(self, self.folder, self.server, self.port, rate=rate, reverse=reverse)
        print(f"\n    {run} ", end="")  # noqa: T201 - who reads the log sees how much was lost
        after = self._counted()
        return run, (after[0] - before[0], after[1] - before[1])

    def _counted(self) -> Traffic:
        """What has been counted once it is steady: what was on its way when iperf3 ended is counted
        as well.
        """
        seen: list[dict[tuple[str, str], Traffic]] = []

        def is_steady() -> bool:
            seen.append(query_traffic(f"unix:{self.folder}/api.sock"))
            return len(seen) > 1 and seen[-1] == seen[-2]

        wait_until(is_steady, "the counters to stand still")
        self.assertEqual(
            seen[-1].get(("inbound", "data-in")), seen[-1].get(("outbound", "data-out"))
        )
        return seen[-1].get(("inbound", "data-in"), (0, 0))
