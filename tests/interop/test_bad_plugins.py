"""Plug-ins that misbehave: what the daemon says of them, and that nothing of them is left."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path
from typing import Any

from tests.interop.bad_plugins import PLUGINS, TRANSPORTS, write_programs
from tests.interop.plugin_pair import PluginPair, exchange, members_of
from tests.support.daemon import FOREGROUND, run_to_end, start_daemon, write_configuration
from tests.support.scratch import free_port, scratch_folder, wait_until

_STARTED = re.compile(r"outbound out: the plug-in was \w+, is starting")


class BadPluginsTest(PluginPair):
    """One outbound through a plug-in, which leads to a server that sends everything back."""

    programs = PLUGINS

    def setUp(self) -> None:
        """Write the programs, and start the server."""
        self.folder = scratch_folder(self)
        write_programs(self.folder, self.programs)
        self.port = free_port(self)
        start_daemon(
            self,
            {
                "inbounds": [{"type": "tcp", "tag": "in", "listen_port": self.port}],
                "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
            },
        )

    def runs(self, *command: str) -> dict[str, Any]:
        """The keys of an outbound that say what runs, and by which contract."""
        return {"type": "sip003", "plugin": command[0]}

    def configuration(self, plugin: str, *arguments: str, **keys: Any) -> dict[str, Any]:
        """A configuration with this plug-in."""
        self.path = self.folder / "in.sock"
        out = {
            **self.runs(str(self.folder / plugin), *arguments),
            "tag": "out",
            "server": "127.0.0.1",
            "server_port": self.port,
            "kill_grace": "500ms",
        }
        return {
            "log": {"level": "debug"},
            "inbounds": [{"type": "unix", "tag": "pipe", "path": str(self.path)}],
            "outbounds": [{**out, **keys}],
        }

    def start(self, plugin: str, **keys: Any) -> None:
        """Start a daemon with it."""
        self.daemon = start_daemon(self, self.configuration(plugin, **keys), folder=self.folder)

    def refused(self, plugin: str, *arguments: str) -> str:
        """What a daemon says that can't start with this plug-in, of which nothing is left."""
        path = write_configuration(self.folder, self.configuration(plugin, *arguments))
        ended = run_to_end(self.folder, [*FOREGROUND, "pipetwist", "--config", str(path)])
        self.assertNotEqual(ended.returncode, 0)
        self.assertEqual(self.left(plugin), [])
        return ended.stdout + ended.stderr

    def test_good(self) -> None:
        """A good one carries, and nothing of it is left."""
        self.start("good")
        group = self.plugin_of(self.daemon)
        self.assertCarries()
        self.daemon.stop()
        self.assertEqual(members_of(group), [])

    def test_ends_before(self) -> None:
        """One that ends before it is ready ends the daemon's start, in its own words."""
        said = self.refused("garbage")
        self.assertIn(
            "outbound out: the plug-in garbage failed: it exited with status 3 before it was "
            "ready: no such option: obfs",
            said,
        )

    def test_lazy(self) -> None:
        """Started for the first connection, its failure is that connection's."""
        self.start("garbage", start="lazy")
        self.assertNotIn("is starting", self.daemon.log)
        self.assertEqual(exchange(self.path, b"hello"), b"")
        why = "cannot connect: the plug-in garbage failed: it exited with status 3 before"
        wait_until(lambda: why in self.daemon.log, "the line")

    def test_never_ready(self) -> None:
        """While one is not ready a connection waits, within its time-out, and a stop ends it, which
        is no failure of its start.
        """
        for plugin in ("never-ready", "elsewhere"):
            self.start(plugin, connect_timeout="500ms")
            self.assertEqual(exchange(self.path, b"hello"), b"")
            wait_until(lambda: "cannot connect: no answer for 0.5 s" in self.daemon.log, "a line")
            self.assertNotIn("is ready", self.daemon.log)
            self.daemon.stop()
            self.assertNotIn("#critical", self.daemon.log)
            self.assertEqual(self.left(plugin), [])
            (self.folder / "daemon.log").unlink()

    def test_dies(self) -> None:
        """One that dies every 100 ms is started less and less often. It is lazy, since it may have
        died before it is found ready, which would end the daemon's start.
        """
        self.start("dies", start="lazy")
        exchange(self.path, b"hello")
        wait_until(lambda: len(_STARTED.findall(self.daemon.log)) >= 4, "starts")
        pauses = re.findall(r"it is started again in ([\d.]+) s", self.daemon.log)
        self.assertEqual(pauses[:3], ["0.2", "0.4", "0.8"])
        self.assertIn("the plug-in dies failed: it exited with status 7", self.daemon.log)
        self.daemon.stop()
        self.assertEqual(self.left("dies"), [])

    def test_stopped(self) -> None:
        """One that is stopped by SIGSTOP holds its connections up, goes on with them, and is ended
        by SIGKILL.
        """
        self.start("good")
        group = self.plugin_of(self.daemon)
        with socket.socket(socket.AF_UNIX) as held:
            held.connect(str(self.path))
            os.kill(group, signal.SIGSTOP)
            held.sendall(b"hello")
            held.settimeout(0.3)
            self.assertRaises(TimeoutError, held.recv, 5)
            os.kill(group, signal.SIGCONT)
            held.settimeout(60)
            self.assertEqual(held.recv(5), b"hello")
        os.kill(group, signal.SIGSTOP)
        self.daemon.stop()
        self.assertEqual(members_of(group), [])

    def test_deaf(self) -> None:
        """One that ignores SIGTERM gets SIGKILL after its grace."""
        self.start("deaf")
        group = self.plugin_of(self.daemon)
        self.assertCarries(1000)
        self.daemon.stop()
        self.assertEqual(members_of(group), [])

    def test_grandchildren(self) -> None:
        """What it has started, deaf or not, ends with it, both at a stop and when it is killed."""
        self.start("parent")
        group = self.plugin_of(self.daemon)
        wait_until(lambda: len(members_of(group)) >= 7, "its family")
        os.kill(group, signal.SIGKILL)
        wait_until(lambda: not members_of(group), "their end")
        again = self.another_of(self.daemon, group)
        self.assertCarries(1000)
        self.daemon.stop()
        self.assertEqual(members_of(again), [])

    def test_talks(self) -> None:
        """A line of 10 MB is cut off in the log, and does not matter."""
        self.start("talks")
        self.assertCarries(1000)
        self.assertLess(len(self.daemon.log), 100_000)

    def test_bounds(self) -> None:
        """The bounds are set before it runs."""
        self.start("good", nice=7, max_memory="900MiB", max_descriptors=77)
        group = self.plugin_of(self.daemon)
        limits = Path(f"/proc/{group}/limits").read_text(encoding="ascii")
        self.assertRegex(limits, rf"Max address space +{900 << 20} +{900 << 20}")
        self.assertRegex(limits, r"Max open files +77 +77")
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, group), 7)
        descriptors = os.listdir(f"/proc/{group}/fd")  # noqa: PTH208 - numbers, and no files
        self.assertLessEqual({"0", "1", "2"}, set(descriptors))
        self.assertLessEqual(len(descriptors), 4)
        self.assertCarries(1000)


class BadTransportsTest(BadPluginsTest):
    """The same with a pluggable transport."""

    programs = TRANSPORTS

    def runs(self, *command: str) -> dict[str, Any]:
        """See `BadPluginsTest`."""
        return {"type": "pt", "transport": "obfs4", "command": command, "state_path": "state"}

    def test_nonsense(self) -> None:
        """One that talks nonsense, and then says nothing that can be used, can't be used."""
        said = self.refused("nonsense")
        self.assertIn("its transport obfs4 speaks '', and not socks5", said)

    def test_long_line(self) -> None:
        """One that says a line of 10 MB before it is ready can't be used."""
        said = self.refused("long-line")
        self.assertIn("it said a line of more than 16384 bytes", said)
        self.assertLess(len(said), 100_000)

    def test_liar(self) -> None:
        """One that says that it listens where somebody else does can't be used."""
        said = self.refused("liar", str(self.port))
        self.assertIn(f"another process listens at 127.0.0.1:{self.port}", said)
