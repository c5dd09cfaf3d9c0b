"""Pluggable transports of a server that don't speak the Extended ORPort, and several in one
process.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from tests.interop.plugin_pair import PluginPair, members_of
from tests.support.daemon import (
    FOREGROUND,
    Daemon,
    run_to_end,
    start_daemon,
    write_configuration,
)
from tests.support.scratch import free_port, listens, scratch_folder, wait_until

_PROGRAM = str(Path(__file__).with_name("server_transport.py"))


class _Case(PluginPair):
    """A daemon with inbounds of such transports, which sends everything back."""

    def setUp(self) -> None:
        """Have a folder and two ports."""
        self.folder = scratch_folder(self)
        self.ports = {"one": free_port(self), "other": free_port(self)}

    def inbound(self, transport: str, kind: str = "extended", **keys: Any) -> dict[str, Any]:
        """An inbound with this transport."""
        return {
            "type": "pt",
            "tag": f"in-{transport}",
            "transport": transport,
            "command": [sys.executable, "-S", _PROGRAM, kind],
            "listen_port": self.ports[transport],
            "state_path": str(self.folder / "state"),
            **keys,
        }

    def document(self, *inbounds: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A document with these inbounds."""
        echo = {"type": "fork", "tag": "echo", "command": ["cat"]}
        return {"inbounds": inbounds, "outbounds": [echo], **more}

    def start(self, *inbounds: dict[str, Any], **more: Any) -> Daemon:
        """Start it, and wait until all of them listen."""
        self.daemon = start_daemon(self, self.document(*inbounds, **more), folder=self.folder)
        for inbound in inbounds:
            self.wait_for(f"inbound {inbound['tag']} listens on ")
        return self.daemon

    def wait_for(self, text: str, count: int = 1) -> None:
        """Wait for so many of a line."""
        wait_until(lambda: self.daemon.log.count(text) >= count, text)

    def connect(self, transport: str) -> socket.socket:
        """Connect a client, and hear an answer."""
        client = socket.create_connection(("127.0.0.1", self.ports[transport]), 60)
        self.addCleanup(client.close)
        client.sendall(b"hello")
        self.assertEqual(client.recv(5), b"hello")
        return client


class PlainOrPortTest(_Case):
    """One that knows only the plain ORPort."""

    def test_carries(self) -> None:
        """Its clients are connected, and have no address that is known."""
        self.start(self.inbound("one", "plain"))
        group = self.plugin_of(self.daemon)
        self.connect("one").close()
        self.wait_for("1 in-one -> echo")
        self.assertRegex(self.daemon.log, rf"user=- peer=python[\d.]*\[{group}\] ")
        self.daemon.stop()
        self.assertEqual(members_of(group), [])

    def test_users(self) -> None:
        """No user is known by an address there."""
        users = [{"name": "here", "source": ["127.0.0.0/8"]}]
        self.start(self.inbound("one", "plain", users=users))
        with socket.create_connection(("127.0.0.1", self.ports["one"]), 60) as client:
            self.assertEqual(client.recv(1), b"")
        self.wait_for("], which is not one of its users")

    def test_several(self) -> None:
        """It can't have two, since it would not say whose a client is."""
        document = self.document(*(self.inbound(name, "plain") for name in self.ports))
        path = write_configuration(self.folder, document)
        ended = run_to_end(self.folder, [*FOREGROUND, "pipetwist", "--config", str(path)])
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("it said 'ENV-ERROR no TOR_PT_ORPORT'", ended.stdout + ended.stderr)


class SharedProcessTest(_Case):
    """Two transports in one process, with one Extended ORPort."""

    def reload(self, *inbounds: dict[str, Any]) -> None:
        """Have the daemon read a document with these."""
        before = self.daemon.log.count("configuration reloaded")
        write_configuration(self.folder, self.document(*inbounds))
        os.kill(self.daemon.pid, signal.SIGHUP)
        self.wait_for("configuration reloaded", before + 1)

    def test_carries(self) -> None:
        """Each inbound has the clients of its transport, and its own options; one process runs, and
        nothing of it is left.
        """
        self.start(self.inbound("one", options={"key": "a"}), self.inbound("other"))
        group = self.plugin_of(self.daemon)
        for transport in self.ports:
            self.connect(transport).close()
        self.wait_for("in-one -> echo")
        self.wait_for("in-other -> echo")
        self.assertEqual(self.daemon.log.count("is ready"), 1)
        self.assertIn(
            '{"type": "pt", "transport": "one", "arguments": {"key": "a"}', self.daemon.log
        )
        self.assertIn('{"type": "pt", "transport": "other", "arguments": {}', self.daemon.log)
        found = re.findall(
            r"(in-\w+) -> echo\[\d+\] user=- peer=127\.0\.0\.1:\d+ ", self.daemon.log
        )
        self.assertEqual(sorted(found), ["in-one", "in-other"])
        self.daemon.stop()
        self.assertEqual(members_of(group), [])

    def test_changed(self) -> None:
        """A change of one starts it again for both, and ends what is open."""
        self.start(self.inbound("one"), self.inbound("other"))
        held = self.connect("other")
        self.reload(self.inbound("one", options={"key": "b"}), self.inbound("other"))
        self.assertEqual(held.recv(1), b"")
        self.wait_for("was started again with other options")
        for transport in self.ports:
            self.connect(transport)

    def test_joined_and_left(self) -> None:
        """Another one joins, and one leaves, whose port is free then."""
        self.start(self.inbound("one"))
        self.reload(self.inbound("one"), self.inbound("other"))
        for transport in self.ports:
            self.connect(transport)
        self.reload(self.inbound("other"))
        wait_until(lambda: not listens(self.ports["one"]), "its port")
        wait_until(lambda: listens(self.ports["other"]), "the other's")
        self.connect("other")

    def test_failed(self) -> None:
        """Where one that joins can't be used, the other goes on."""
        self.start(self.inbound("one"))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.ports["other"] = taken.getsockname()[1]
            write_configuration(
                self.folder, self.document(self.inbound("one"), self.inbound("other"))
            )
            os.kill(self.daemon.pid, signal.SIGHUP)
            self.wait_for("in-other")
            self.wait_for("is ready", 2)
        self.connect("one")

    def test_limits(self) -> None:
        """One that is full does not hold the other up; its clients wait."""
        full = self.inbound("one", limits={"max_connections": 1})
        self.start(full, self.inbound("other"))
        first = self.connect("one")
        with socket.create_connection(("127.0.0.1", self.ports["one"]), 60) as second:
            second.sendall(b"again")
            self.connect("other")
            second.settimeout(0.3)
            self.assertRaises(TimeoutError, second.recv, 5)
            first.close()
            second.settimeout(60)
            self.assertEqual(second.recv(5), b"again")

    def test_strange(self) -> None:
        """A client that has come by none of its transports is nobody's, and of a name of theirs
        that is no name the log has the beginning alone.
        """
        says: dict[str, Any] = {"env": {"SAYS": "x" * 30_000}}
        self.start(self.inbound("one", **says), self.inbound("other", **says))
        with socket.create_connection(("127.0.0.1", self.ports["one"]), 60) as client:
            self.assertEqual(client.recv(1), b"")
        beginning = "x" * 100
        self.wait_for(
            f"refused a connection of the plug-in's: its client has come by '{beginning}'\n"
        )

    def test_killed(self) -> None:
        """When it is killed, both go on in another one."""
        self.start(self.inbound("one"), self.inbound("other"))
        group = self.plugin_of(self.daemon)
        os.kill(group, signal.SIGKILL)
        self.wait_for("is ready", 2)
        for transport in self.ports:
            self.connect(transport)
