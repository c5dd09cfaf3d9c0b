"""Plug-ins under the restrictions of the unit in etc/systemd/."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.plugin_pair import exchange
from tests.support.daemon import TWISTD, run_to_end, start_daemon, write_configuration
from tests.support.markdown import ROOT
from tests.support.peers import need
from tests.support.scratch import free_port, scratch_folder, wait_until

_UNIT = ROOT / "etc" / "systemd" / "pipetwist.service"
_CONFINED = (
    *("env", "-C", str(ROOT), sys.executable, "-m", "tests.interop.confined", str(_UNIT)),
    *(*TWISTD, "-n", "--pidfile="),
)
_NEEDED = re.compile(r"clients need an outbound with (\{.*\})")
_BOUNDS = {"max_memory": "4GiB", "max_descriptors": 512}


class ConfinedPluginsTest(SynchronousTestCase):
    """A daemon with both ends of each program, which pass a client on to one another."""

    def setUp(self) -> None:
        """Choose the places."""
        need("systemd-analyze")
        self.folder = scratch_folder(self)
        self.inbounds: list[dict[str, Any]] = []
        self.outbounds: list[dict[str, Any]] = [{"type": "fork", "tag": "tool", "command": ["cat"]}]
        self.rules: list[dict[str, Any]] = []

    def add(self, tag: str, inbound: Mapping[str, Any], outbound: Mapping[str, Any]) -> None:
        """Add both ends of a program, and a socket whose clients go through them to a command."""
        port = free_port(self)
        self.inbounds += [
            {"type": "unix", "tag": f"{tag}_pipe", "path": str(self.path(tag))},
            {"tag": tag, "listen_port": port, **_BOUNDS, **inbound},
        ]
        far = {"server": "127.0.0.1", "server_port": port}
        self.outbounds.append({"tag": f"{tag}_out", **far, **_BOUNDS, **outbound})
        self.rules.append({"inbound": [f"{tag}_pipe"], "outbound": f"{tag}_out"})

    def path(self, tag: str) -> Path:
        """The socket."""
        return self.folder / f"{tag}.sock"

    @property
    def configuration(self) -> dict[str, Any]:
        """All of it."""
        return {
            "inbounds": self.inbounds,
            "outbounds": self.outbounds,
            "route": {"rules": self.rules},
        }

    def assertCarries(self, tag: str) -> None:
        """What is sent to the socket comes back."""
        data = os.urandom(100_000)
        self.assertEqual(exchange(self.path(tag), data), data, tag)

    def test_shadowsocks(self) -> None:
        """Those of shadowsocks run, and their connections are known to be theirs."""
        for tag, local, server, options in (
            ("obfs", "obfs-local", "obfs-server", ("obfs=http", "obfs=http")),
            ("v2ray", "ss-v2ray-plugin", "ss-v2ray-plugin", ("", "server")),
        ):
            need(local)
            need(server)
            self.add(
                tag,
                {"type": "sip003", "plugin": server, "plugin_opts": options[1]},
                {"type": "sip003", "plugin": local, "plugin_opts": options[0]},
            )
        daemon = start_daemon(self, self.configuration, folder=self.folder, command=_CONFINED)
        for tag in ("obfs", "v2ray"):
            self.assertCarries(tag)
        daemon.stop()
        self.assertNotIn("Traceback", daemon.log)

    def test_tor(self) -> None:
        """One of Tor's runs at both ends, and a reload brings what clients need."""
        need("obfs4proxy")
        obfs4 = {"type": "pt", "transport": "obfs4", "command": ["obfs4proxy"]}
        self.add("bridge", {**obfs4, "state_path": "server"}, {**obfs4, "state_path": "client"})
        daemon = start_daemon(self, self.configuration, folder=self.folder, command=_CONFINED)
        wait_until(lambda: bool(_NEEDED.search(daemon.log)), "what clients need")
        needed = json.loads(_NEEDED.findall(daemon.log)[-1])
        self.outbounds[-1]["arguments"] = needed["arguments"]
        write_configuration(self.folder, self.configuration)
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "configuration reloaded" in daemon.log, "the reload")
        self.assertCarries("bridge")
        daemon.stop()
        self.assertNotIn("Traceback", daemon.log)

    def test_nice(self) -> None:
        """Its niceness can't be set, as the unit says; the start fails instead."""
        self.add(
            "obfs",
            {"type": "sip003", "plugin": need("obfs-server"), "plugin_opts": "obfs=http"},
            {"type": "sip003", "plugin": need("obfs-local"), "plugin_opts": "obfs=http"},
        )
        self.inbounds[-1]["nice"] = 19
        path = write_configuration(self.folder, self.configuration)
        ended = run_to_end(self.folder, [*_CONFINED, "pipetwist", "--config", str(path)])
        self.assertEqual(ended.returncode, 1)
        self.assertIn("nice: cannot set niceness: Operation not permitted", ended.stdout)
