"""``pipetwist top`` in a terminal, as a person sees it, with a daemon and with V2Ray."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.tmux import TmuxWindow
from tests.interop.v2ray_pair import V2RayPair
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need
from tests.support.scratch import free_port, scratch_folder


class DaemonTest(SynchronousTestCase):
    """A daemon with a user who is limited, and an outbound that leads nowhere."""

    def setUp(self) -> None:
        """Choose where everything is."""
        self.folder = scratch_folder(self)
        self.port = free_port(self)

    def start(self) -> Daemon:
        """Start it."""
        me = {
            "name": "me",
            "uid": os.geteuid(),
            "limits": {
                "up_mbps": 0.1,
                "quota": [
                    {"bytes": "100MB", "per": "month"},
                    {"bytes": 1, "per": "day", "count": "down", "then": {"down_mbps": 1}},
                ],
            },
        }
        stats = {
            "enabled": True,
            "inbounds": ["in", "bad-in"],
            "users": ["me"],
            "store": "counters.db",
        }
        configuration: dict[str, Any] = {
            "drain_timeout": "10ms",
            "users": [me],
            "inbounds": [
                {"type": "unix", "tag": "in", "path": "in.sock", "users": "*"},
                {"type": "unix", "tag": "bad-in", "path": "bad.sock"},
            ],
            "outbounds": [
                {"type": "fork", "tag": "echo", "command": ["cat"]},
                {"type": "unix", "tag": "nowhere", "path": "nowhere.sock"},
            ],
            "route": {"rules": [{"inbound": ["bad-in"], "outbound": "nowhere"}]},
            "control": {"listen": "unix:control.sock"},
            "experimental": {"v2ray_api": {"listen": f"127.0.0.1:{self.port}", "stats": stats}},
        }
        return start_daemon(self, configuration, folder=self.folder)

    def connect(self, name: str) -> socket.socket:
        """Connect a client."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(str(self.folder / name))
        return client

    def test_views(self) -> None:
        """Who is held, what is left of quotas, what failed and why, and what is open."""
        self.start()
        for _ in range(3):
            self.connect("bad.sock").recv(1)
        busy = self.connect("in.sock")
        busy.setblocking(False)
        busy.send(b"x" * 10_000_000)  # as much as the system takes
        window = TmuxWindow(self, self.folder)
        window.run("top", "-c", str(self.folder / "pipetwist.json"), "-n", "100ms")
        found = window.wait_for("held up")
        self.assertRegex(found, r"user +me .* 1 +held up \d+%")
        self.assertIn("[1 traffic] 2 limits  3 failures  4 connections", found)
        window.press("2")
        found = window.wait_for("month-1-both")
        self.assertRegex(found, r"user +me +0\.1/1 .* day-down +1 B .* 100% .* held up \d+%")
        self.assertRegex(found, r"month-1-both +95\.4 MiB +\S+ KiB +9\d\.\d MiB +\[-+\] +\d%")
        window.press("Tab")
        found = window.wait_for("reason of the last")
        self.assertRegex(
            found, r"nowhere +bad-in +3 +connect +\S+ ago +cannot connect: \S+nowhere.sock"
        )
        window.press("Right")
        found = window.wait_for("up_mbps of user me")
        self.assertRegex(found, r"me +in +echo +pid:")
        window.press("q")
        window.wait_for("the shell", lambda shown: "traffic" not in shown and "$" in shown)

    def test_coming_back(self) -> None:
        """It can be stopped and go on, follows the terminal's size, and finds a daemon that was
        away.
        """
        daemon = self.start()
        self.connect("in.sock").send(b"x")
        window = TmuxWindow(self, self.folder)
        window.run("top", "-c", str(self.folder / "pipetwist.json"), "-n", "100ms")
        window.wait_for("user     me")
        window.press("C-z")
        window.wait_for("the shell", lambda shown: "topped" in shown and "traffic" not in shown)
        window.press("f", "g", "Enter")
        window.wait_for("user     me")
        window.resize(32, 8)
        found = window.wait_for("[1 traffic] of 4")
        self.assertEqual(len(found.splitlines()), 8)
        self.assertRegex(found, r"q quits   \? helps")
        daemon.stop()
        found = window.wait_for("nothing listens at")
        self.assertIn("user  me", found)
        self.start()
        window.wait_for("its return", lambda shown: "nothing listens" not in shown)
        window.press("/", "n", "o", "b")
        window.wait_for('Nothing here has "nob"')
        window.press("Escape")
        window.wait_for("user  me")
        window.press("q")
        window.wait_for("the shell", lambda shown: "traffic" not in shown)


class V2RayTest(SynchronousTestCase):
    """V2Ray, which has no control service."""

    def test_v2ray(self) -> None:
        """What V2Ray counts is shown; what only pipetwist knows is said to be that."""
        for program in ("v2ray", "tmux"):
            need(program)
        folder = scratch_folder(self)
        pair = V2RayPair(self, folder)
        window = TmuxWindow(self, folder)
        window.run("top", "-s", pair.api_a, "-n", "100ms")
        # By which top asks.
        found = window.wait_for("rates", lambda shown: "api-in" in shown and "B/s" in shown)
        self.assertRegex(found, r"inbound +api-in +\S+ \S+/s +\S+ \S+/s")
        self.assertNotIn("online", found)
        window.press("2")
        window.wait_for("by its control service")
        window.press("?")
        window.wait_for("Page Up, Page Down")
