"""Programs that pass each other descriptors, with a daemon between that passes them on."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.bus_client import BUS_CONFIGURATION, BusClient
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need, start_peer
from tests.support.scratch import listens, scratch_folder, wait_until

_SECONDS = 60.0


class _PassingCase(SynchronousTestCase):
    def setUp(self) -> None:
        """Have a folder."""
        self.folder = scratch_folder(self)
        self.inbound, self.outbound = self.folder / "in.sock", self.folder / "out.sock"

    def start(self, *, passes: bool = True, **outbound: Any) -> Daemon:
        """Start the daemon."""
        keys = {"pass_descriptors": passes}
        return start_daemon(
            self,
            {
                "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock", **keys}],
                "outbounds": [
                    {"type": "unix", "tag": "out", "path": "out.sock", **keys, **outbound}
                ],
                "drain_timeout": "10ms",
            },
            folder=self.folder,
        )


class BusTest(_PassingCase):
    """A D-Bus daemon."""

    def test_message(self) -> None:
        """A message with an argument of the type h goes from one client to another, through the
        daemon both times, with its descriptor.
        """
        conf = self.folder / "bus.conf"
        conf.write_text(BUS_CONFIGURATION.format(path=self.outbound), encoding="utf-8")
        words = [need("dbus-daemon"), f"--config-file={conf}", "--nofork", "--nopidfile"]
        start_peer(self, words, self.folder)
        wait_until(lambda: listens(self.outbound), "the bus to listen")
        daemon = self.start()
        sender, receiver = (BusClient(self, str(self.inbound)) for _ in range(2))
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        sender.call(receiver.name, "org.example.Test", "Take", writing)
        os.close(writing)
        receiver.body_with("h")
        (came,) = receiver.descriptors
        os.write(came, b"hello")
        self.assertEqual(os.read(reading, 9), b"hello")
        pipe = Path(f"/proc/self/fd/{reading}").readlink()
        table = Path(f"/proc/{daemon.pid}/fd")
        wait_until(
            lambda: pipe not in [one.readlink() for one in table.iterdir()],
            "the daemon to have closed it",
        )


class TmuxTest(_PassingCase):
    """tmux, whose server is given the client's terminal."""

    def setUp(self) -> None:
        """Start the server, with a session."""
        super().setUp()
        # It shows a session in a session only where that is asked for.
        self.environment = {**os.environ, "TERM": "xterm", "TMUX": ""}
        self.tmux = need("tmux")
        told = [self.tmux, "-S", str(self.outbound), "-f", os.devnull]
        command = "echo hello $((40 + 2)); exec sleep 1000"
        subprocess.run(
            [*told, "new-session", "-d", "-s", "one", command],
            check=True,
            timeout=_SECONDS,
            env=self.environment,
        )
        self.addCleanup(
            subprocess.run,
            [*told, "kill-server"],
            check=False,
            timeout=_SECONDS,
            env=self.environment,
            stderr=subprocess.DEVNULL,
        )

    def attach(self) -> str:
        """What a client shows until it has shown what the session's command says, or ends."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        client = subprocess.Popen(
            [self.tmux, "-S", str(self.inbound), "attach", "-t", "one"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env=self.environment,
        )
        os.close(theirs)

        def end() -> None:
            client.send_signal(signal.SIGKILL)
            client.wait(_SECONDS)

        self.addCleanup(end)
        shown = b""
        while b"hello 42" not in shown:
            if not select.select([ours], [], [], _SECONDS)[0]:
                break
            try:
                shown += os.read(ours, 1 << 16)
            except OSError:  # the client has closed the terminal
                break
        return shown.decode(errors="replace")

    def test_attached(self) -> None:
        """A client shows the session."""
        self.start()
        self.assertIn("hello 42", self.attach())

    def test_closed(self) -> None:
        """If nothing is passed on the server says that it has no terminal, and the log why: once
        for the inbound.
        """
        daemon = self.start(passes=False)
        for _ in range(2):
            self.assertIn("open terminal failed: not a terminal", self.attach())
        text = "inbound in: a client passed file descriptors, which were closed"
        wait_until(lambda: text in daemon.log, "the line")
        daemon.stop()
        self.assertEqual(daemon.log.count(text), 1)


class ElsewhereTest(_PassingCase):
    """Outbounds that are no unix sockets."""

    def test_command(self) -> None:
        """A command's outbound never gets any, though it is reached from an inbound that passes
        them on: `check` refuses that.
        """
        with self.assertRaises(AssertionError) as raised:
            start_daemon(
                self,
                {
                    "inbounds": [
                        {"type": "unix", "tag": "in", "path": "in.sock", "pass_descriptors": True}
                    ],
                    "outbounds": [{"type": "fork", "tag": "out", "command": ["cat"]}],
                },
                folder=self.folder,
            )
        self.assertIn(
            "inbounds[0].pass_descriptors: descriptors are passed on between two unix sockets "
            'alone: this leads to the outbound "out", which is no unix socket',
            str(raised.exception),
        )

    def test_seen_before_a_command(self) -> None:
        """If a command is the server, they are seen as well, and closed; the bytes go on."""
        daemon = start_daemon(
            self,
            {
                "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
                "outbounds": [{"type": "fork", "tag": "out", "command": ["cat"]}],
            },
            folder=self.folder,
        )
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_SECONDS)
            client.connect(str(self.inbound))
            socket.send_fds(client, [b"hello"], [0])
            self.assertEqual(client.recv(9), b"hello")
        wait_until(lambda: "a client passed file descriptors" in daemon.log, "the log to say it")
