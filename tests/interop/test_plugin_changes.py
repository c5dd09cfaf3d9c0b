"""Reloads with plug-ins, and strangers who connect in a plug-in's place."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from pathlib import Path
from typing import Any

from tests.interop.bad_plugins import PLUGINS, TRANSPORTS, write_programs
from tests.interop.plugin_pair import PluginPair, exchange, members_of
from tests.support.daemon import start_daemon, write_configuration
from tests.support.peers import need
from tests.support.scratch import free_port, scratch_folder, wait_until


class _Case(PluginPair):
    """An outbound through a plug-in."""

    programs = PLUGINS

    def setUp(self) -> None:
        """Start the server and the client."""
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
        self.path = self.folder / "in.sock"
        self.daemon = start_daemon(self, self.configuration(), folder=self.folder)
        self.group = self.plugin_of(self.daemon)
        self.reloads = 0

    def configuration(self, *more: dict[str, Any], plugin: str = "good") -> dict[str, Any]:
        """The configuration, with more outbounds."""
        return {
            "inbounds": [{"type": "unix", "tag": "pipe", "path": str(self.path)}],
            "outbounds": [self.outbound("out", str(self.folder / plugin)), *more],
            "route": {"final": "out"},
        }

    def outbound(self, tag: str, program: str) -> dict[str, Any]:
        """One that runs this program."""
        return {
            "type": "sip003",
            "tag": tag,
            "plugin": program,
            "server": "127.0.0.1",
            "server_port": self.port,
        }

    def reload(self, configuration: dict[str, Any]) -> None:
        """Have it read this."""
        write_configuration(self.folder, configuration)
        self.reloads += 1
        os.kill(self.daemon.pid, signal.SIGHUP)
        wait_until(
            lambda: self.daemon.log.count("configuration reloaded") == self.reloads, "the reload"
        )


class ReloadTest(_Case):
    """One whose configuration changes."""

    def test_untouched(self) -> None:
        """A reload that does not touch a plug-in leaves it alone, with its connections."""
        with self.held() as held:
            more = {"type": "fork", "tag": "other", "command": ["cat"]}
            self.reload(self.configuration(more))
            held.sendall(b"again")
            self.assertEqual(held.recv(5), b"again")
        self.assertEqual(self.daemon.log.count("is ready"), 1)
        self.assertIn(self.group, members_of(self.group))

    def test_changed(self) -> None:
        """One that it changes is replaced; the old one ends with its last connection."""
        with self.held() as held:
            self.reload(self.configuration(plugin="deaf"))
            wait_until(lambda: self.daemon.log.count("is ready") == 2, "the new one")
            self.assertCarries(1000)
            held.sendall(b"again")
            self.assertEqual(held.recv(5), b"again")
            self.assertIn(self.group, members_of(self.group))
        wait_until(lambda: not members_of(self.group), "its end")

    def test_stopped(self) -> None:
        """A stop does not wait for an inbound's that a reload starts, and that is never ready."""
        never = {
            "type": "sip003",
            "tag": "never",
            "plugin": str(self.folder / "never-ready"),
            "listen_port": free_port(self),
        }
        changed = self.configuration()
        changed["inbounds"].append(never)
        write_configuration(self.folder, changed)
        os.kill(self.daemon.pid, signal.SIGHUP)
        wait_until(lambda: bool(self.left("never-ready")), "its process")
        self.daemon.stop()
        self.assertIn("inbound never: the daemon is stopping", self.daemon.log)
        self.assertEqual(self.left("never-ready"), [])

    def test_failed(self) -> None:
        """One that can't start after a reload is an error of its connections, and not the daemon's
        end.
        """
        self.reload(self.configuration(plugin="garbage"))
        why = "outbound out: the plug-in garbage failed: it exited with status 3"
        wait_until(lambda: why in self.daemon.log, "the reason")
        self.assertEqual(exchange(self.path, b"hello"), b"")
        self.reload(self.configuration())
        self.assertCarries(1000)


class SharedReloadTest(_Case):
    """One whose process others come to share."""

    programs = TRANSPORTS

    def outbound(self, tag: str, program: str, transport: str = "obfs4") -> dict[str, Any]:
        return {
            "type": "pt",
            "tag": tag,
            "transport": transport,
            "command": [program],
            "state_path": str(self.folder / "state"),
            "server": "127.0.0.1",
            "server_port": self.port,
        }

    def test_unknown_transport(self) -> None:
        """A transport that the program does not know keeps the others from working until it is
        removed, and no longer.
        """
        self.reload(
            self.configuration(self.outbound("other", str(self.folder / "good"), "unheard"))
        )
        why = "it does not know the transport unheard"
        wait_until(lambda: why in self.daemon.log, "the reason")
        self.reload(self.configuration())
        wait_until(lambda: self.daemon.log.count("is ready") == 2, "the next start")
        self.assertCarries(1000)


class BroughtBackTest(PluginPair):
    """A server's plug-in that a reload removes, and another one brings back."""

    def test_port(self) -> None:
        """It has its port, though the one before it had it until its last connection was over."""
        for program in ("obfs-local", "obfs-server"):
            need(program)
        keys = {"type": "sip003", "plugin_opts": "obfs=http"}
        self.pair({**keys, "plugin": "obfs-local"}, {**keys, "plugin": "obfs-server"})
        group = self.plugin_of(self.server)
        document = json.loads((self.server.folder / "pipetwist.json").read_text())
        more = {"type": "unix", "tag": "other", "path": str(self.folder / "other.sock")}
        with self.held() as held:
            for count, inbounds in enumerate(([more], [more, *document["inbounds"]]), 1):
                write_configuration(self.server.folder, {**document, "inbounds": inbounds})
                os.kill(self.server.pid, signal.SIGHUP)
                done = "configuration reloaded"
                wait_until(lambda: self.server.log.count(done) == count, done)  # noqa: B023 - it is waited for here
                self.assertEqual(bool(members_of(group)), count == 1)
            self.assertEqual(held.recv(1), b"")
        self.assertCarries(1000)


class EarlyReloadTest(PluginPair):
    """A reload while a server's plug-in starts for the first time."""

    def test_changed(self) -> None:
        """One that it changes is started in the other's place, and the daemon goes on."""
        self.folder = scratch_folder(self)
        write_programs(self.folder, PLUGINS)
        path = str(self.folder / "in.sock")
        inbound = {"type": "sip003", "tag": "far", "listen_port": free_port(self)}
        never = {**inbound, "plugin": str(self.folder / "never-ready")}
        document: dict[str, Any] = {
            "inbounds": [{"type": "unix", "tag": "pipe", "path": path}, never],
            "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
        }
        daemon = start_daemon(self, document, folder=self.folder)
        wait_until(lambda: bool(self.left("never-ready")), "its process")
        document["inbounds"][1] = {**inbound, "plugin": need("obfs-server")}
        write_configuration(self.folder, document)
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda: "configuration reloaded" in daemon.log, "the reload")
        self.assertEqual(self.left("never-ready"), [])
        self.assertNotIn("was stopped", daemon.log)


class StrangerTest(PluginPair):
    """Somebody else connects where a server's plug-in should."""

    def test_refused(self) -> None:
        """They are refused, and the plug-in's connections go on."""
        for program in ("obfs-local", "obfs-server"):
            need(program)
        self.pair(
            {"type": "sip003", "plugin": "obfs-local", "plugin_opts": "obfs=http"},
            {"type": "sip003", "plugin": "obfs-server", "plugin_opts": "obfs=http"},
        )
        group = self.plugin_of(self.server)
        environment = Path(f"/proc/{group}/environ").read_text(encoding="ascii")
        found = re.search(r"SS_LOCAL_PORT=(\d+)", environment)
        assert found is not None
        with socket.create_connection(("127.0.0.1", int(found[1])), 60) as stranger:
            stranger.sendall(b"let me in")
            try:
                self.assertEqual(stranger.recv(1), b"")
            except ConnectionResetError:
                self.assertTrue(stranger)  # something of theirs was unread
        said = "inbound in: refused a connection that is not the plug-in's"
        wait_until(lambda: said in self.server.log, "the line")
        self.assertCarries(1000)
        self.assertNotIn("let me in", self.server.log)
        # Somebody who is gone before the kernel is asked may have been the plug-in.
        os.kill(self.server.pid, signal.SIGSTOP)
        socket.create_connection(("127.0.0.1", int(found[1])), 60).close()
        os.kill(self.server.pid, signal.SIGCONT)
        gone = "inbound in: refused a connection that had ended before it was known whose it is"
        wait_until(lambda: gone in self.server.log, "the line")
        self.assertEqual(self.server.log.count(said), 1)
