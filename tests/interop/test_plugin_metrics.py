"""What a daemon's metrics say of its plug-ins, read as Prometheus reads them."""

from __future__ import annotations

import os
import re
import signal
import urllib.request

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.plugin_pair import exchange
from tests.support.daemon import start_daemon
from tests.support.peers import need
from tests.support.scratch import free_port, listens, scratch_folder, wait_until

_SAMPLE = re.compile(
    r"^pipetwist_(in|out)bound_plugin_(\w+)\{(?:in|out)bound=\"(\w+)\"\} (\S+)$", re.MULTILINE
)


class PluginMetricsTest(SynchronousTestCase):
    """A daemon with both ends of both contracts."""

    def setUp(self) -> None:
        """Start it."""
        for program in ("obfs-local", "obfs-server", "obfs4proxy"):
            need(program)
        self.folder = folder = scratch_folder(self)
        sip003, pt, self.metrics = (free_port(self) for _ in range(3))
        obfs4 = {"type": "pt", "transport": "obfs4", "command": ["obfs4proxy"]}
        here = {"server": "127.0.0.1"}
        self.daemon = start_daemon(
            self,
            {
                "inbounds": [
                    {"type": "unix", "tag": "pipe", "path": str(folder / "in.sock")},
                    {
                        "type": "sip003",
                        "tag": "obfs_in",
                        "listen_port": sip003,
                        "plugin": "obfs-server",
                        "plugin_opts": "obfs=http",
                    },
                    {**obfs4, "tag": "bridge_in", "listen_port": pt, "state_path": "server"},
                ],
                "outbounds": [
                    {"type": "fork", "tag": "tool", "command": ["cat"]},
                    {
                        "type": "sip003",
                        "tag": "obfs_out",
                        **here,
                        "server_port": sip003,
                        "plugin": "obfs-local",
                        "plugin_opts": "obfs=http",
                    },
                    {
                        **obfs4,
                        "tag": "bridge_out",
                        **here,
                        "server_port": pt,
                        "state_path": "client",
                        "start": "lazy",
                    },
                ],
                "route": {"rules": [{"inbound": ["pipe"], "outbound": "obfs_out"}]},
                "metrics": {"listen": f"127.0.0.1:{self.metrics}"},
            },
        )

    def scrape(self) -> dict[tuple[str, str], float]:
        """The figures of plug-ins, by the tag of whose they are and the end of their names."""
        url = f"http://127.0.0.1:{self.metrics}/metrics"
        with urllib.request.urlopen(url, timeout=60) as answer:
            text = answer.read().decode()
        return {(tag, name): float(value) for _, name, tag, value in _SAMPLE.findall(text)}

    def test_life(self) -> None:
        """Each has its own figures: ready, not wanted yet, and started again."""
        wait_until(lambda: listens(self.metrics), "the metrics to listen")
        started = ("obfs_in", "bridge_in", "obfs_out")
        wait_until(
            lambda: all(self.scrape()[tag, "ready"] == 1 for tag in started), "all to be ready"
        )
        figures = self.scrape()
        for tag in started:
            self.assertGreater(figures.pop((tag, "start_seconds")), 0)
        ready = {"starts_total": 1, "restarts_total": 0, "ready": 1}
        lazy = {"starts_total": 0, "restarts_total": 0, "ready": 0, "start_seconds": 0}
        expected = dict.fromkeys(started, ready)
        self.assertEqual(
            figures,
            {
                (tag, name): value
                for tag, values in {**expected, "bridge_out": lazy}.items()
                for name, value in values.items()
            },
        )
        data = os.urandom(1000)
        self.assertEqual(exchange(self.folder / "in.sock", data), data)
        line = re.compile(r"outbound obfs_out: the plug-in obfs-local\[(\d+)\]")
        wait_until(lambda: line.search(self.daemon.log) is not None, "its line")
        (pid,) = line.findall(self.daemon.log)
        os.kill(int(pid), signal.SIGKILL)
        wait_until(lambda: self.scrape()["obfs_out", "starts_total"] == 2, "another one")
        self.assertEqual(self.scrape()["obfs_out", "restarts_total"], 1)
        self.assertEqual(self.scrape()["obfs_in", "starts_total"], 1)
