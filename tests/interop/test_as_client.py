"""Servers that identify their clients by peer credentials, with a daemon in between that connects
as its clients.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pipetwist.transfer.peer_credentials import other_groups, peer_credentials
from tests.interop.bus_client import BUS_CONFIGURATION
from tests.support.daemon import (
    FOREGROUND,
    Daemon,
    daemon_environment,
    run_to_end,
    start_daemon,
    write_configuration,
)
from tests.support.peers import need, start_peer
from tests.support.scratch import listens, scratch_folder, wait_until

_USER = "daemon"  # whom every system has
_OVERFLOW_UID = 65534
_CLIENT = """
import os, socket, sys
os.setgroups([int(number) for number in sys.argv[3].split(",")])
os.setgid(int(sys.argv[2]) + 1)
os.setuid(int(sys.argv[2]))
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(b"hello")
print(client.recv(9).decode())
"""
# twistd, in which a thread that has taken somebody's ids can't take its own.
_STUCK = """
import ctypes, errno
from pipetwist.network import effective_ids
real, made = effective_ids._syscall(), []
def fails(*step):
    made.append(step)
    if len(made) > 3:
        ctypes.set_errno(errno.EPERM)
        return -1
    return real(*step)
effective_ids._syscall = lambda: fails
from twisted.scripts.twistd import run
run()
"""


def need_root() -> None:
    """Skip the test where this process is not root.

    Raises:
        SkipTest: it is not.
    """
    if os.geteuid() != 0:
        message = "only a daemon of root may connect as its clients"
        raise SkipTest(message)


class _AsClientCase(SynchronousTestCase):
    def setUp(self) -> None:
        """Have a folder where everybody may connect."""
        need_root()
        self.folder = scratch_folder(self)
        self.folder.chmod(0o755)

    def document(self, inbound: str, outbound: str, **keys: Any) -> dict[str, Any]:
        """A configuration."""
        return {
            "inbounds": [{"type": "unix", "tag": "in", "path": inbound, "mode": "0666"}],
            "outbounds": [{"type": "unix", "tag": "out", "path": outbound, **keys}],
            "drain_timeout": "10ms",
        }

    def start(self, inbound: str, outbound: str, **keys: Any) -> Daemon:
        """Start the daemon."""
        return start_daemon(self, self.document(inbound, outbound, **keys), folder=self.folder)

    def run_as(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a client as the user."""
        words = [need("setpriv"), f"--reuid={_USER}", f"--regid={_USER}", "--init-groups", *command]
        return run_to_end(self.folder, words)


class ToldTest(_AsClientCase):
    """What the system tells a server."""

    def talk(self, uid: int, groups: str, **keys: Any) -> tuple[Daemon, subprocess.Popen[str]]:
        """Start a server, a daemon and a client."""
        self.server = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.server.close)
        self.server.settimeout(60)
        path = self.folder / "out.sock"
        self.server.bind(str(path))
        path.chmod(0o666)
        self.server.listen()
        daemon = self.start("in.sock", "out.sock", credentials="client", **keys)
        client = subprocess.Popen(
            [sys.executable, "-c", _CLIENT, str(self.folder / "in.sock"), str(uid), groups],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=daemon_environment(),
        )
        self.addCleanup(client.communicate)
        return daemon, client

    def test_told(self) -> None:
        """It is the client's uid, gid and groups, with the daemon's process, whatever moves the
        bytes.
        """
        for transfer in ("kernel", "stream"):
            self.folder = scratch_folder(self)
            self.folder.chmod(0o755)
            daemon, client = self.talk(4711, "4720,4721", transfer=transfer)
            connected, _ = self.server.accept()
            with connected:
                connected.settimeout(60)
                self.assertEqual(tuple(peer_credentials(connected)), (daemon.pid, 4711, 4712))
                self.assertEqual(other_groups(connected), {4720, 4721})
                self.assertEqual(connected.recv(9), b"hello")
                connected.sendall(b"yourself")
            self.assertEqual(client.communicate(timeout=60)[0], "yourself\n")
            ids = struct.pack("3I", *os.getresuid())
            status = Path(f"/proc/{daemon.pid}/status").read_text(encoding="ascii")
            said = next(line for line in status.splitlines() if line.startswith("Uid:"))
            self.assertEqual(struct.pack("3I", *map(int, said.split()[1:4])), ids)

    def test_unknown(self) -> None:
        """A client whose uid stands for those who are unknown here gets no connection, and the log
        says why.
        """
        daemon, client = self.talk(_OVERFLOW_UID, "4720")
        client.communicate(timeout=60)
        wait_until(
            lambda: (
                f"cannot connect: credentials: the client's uid, {_OVERFLOW_UID}, is that of every"
                in daemon.log
            ),
            "the daemon to say why",
        )

    def test_closed(self) -> None:
        """A server that the client may not connect to refuses it, as it would without the
        daemon.
        """
        daemon, client = self.talk(4711, "4720")
        (self.folder / "out.sock").chmod(0o600)
        self.assertEqual(self.talk_again(), "")
        wait_until(lambda: "out.sock: Permission denied" in daemon.log, "the line")
        client.kill()

    def talk_again(self) -> str:
        """What another client hears."""
        return subprocess.run(
            [sys.executable, "-c", _CLIENT, str(self.folder / "in.sock"), "4711", "4720"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=60,
            check=False,
        ).stdout.strip()


class StartTest(_AsClientCase):
    """Daemons that can't."""

    def test_user(self) -> None:
        """One that becomes another user does not start, and says what to leave out."""
        path = write_configuration(
            self.folder, self.document("in.sock", "out.sock", credentials="client")
        )
        self.folder.chmod(0o777)
        words = [*FOREGROUND, f"--uid={_USER}", f"--gid={_USER}", "pipetwist", "-c", str(path)]
        ended = run_to_end(self.folder, words)
        self.assertEqual(ended.returncode, 1)
        self.assertIn(
            "outbound out: credentials: only root can connect as the client; leave out --uid, or "
            "credentials",
            ended.stdout + ended.stderr,
        )


class StuckTest(_AsClientCase):
    """A daemon with a thread that can't be itself again."""

    def test_ends(self) -> None:
        """It ends, with status 1, and its log says why."""
        words = [sys.executable, "-c", _STUCK, *FOREGROUND[-2:]]
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(self.folder / "out.sock"))
            server.listen()
            document = self.document("in.sock", "out.sock", credentials="client")
            daemon = start_daemon(self, document, folder=self.folder, command=words)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.folder / "in.sock"))
                self.assertEqual(daemon.process.wait(60), 1, daemon.log)
        self.assertIn("a thread can't have its own ids again: Operation not permitted", daemon.log)


class PostgresTest(_AsClientCase):
    """PostgreSQL, whose ``peer`` uses the client's uid."""

    def setUp(self) -> None:
        """Start it, with a role of the user's name."""
        super().setUp()
        self.psql = need("psql")
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        initdb = need(str(found[-1]) if found else "initdb")
        data = self.folder / "data"
        data.mkdir()
        owner = pwd.getpwnam("postgres")
        os.chown(data, owner.pw_uid, owner.pw_gid)
        as_owner = [need("setpriv"), "--reuid=postgres", "--regid=postgres", "--init-groups"]
        made = run_to_end(
            self.folder,
            [*as_owner, initdb, "--auth=peer", "--no-sync", "-U", "postgres", "-D", str(data)],
        )
        self.assertEqual(made.returncode, 0, made.stderr)
        # Others may not look into its data, and are to reach its socket.
        self.served = self.folder / "served"
        self.served.mkdir()
        os.chown(self.served, owner.pw_uid, owner.pw_gid)
        (self.folder / "in").mkdir(mode=0o755)
        start_peer(
            self,
            [
                *as_owner,
                str(Path(initdb).with_name("postgres")),
                *("-D", str(data), "-k", str(self.served), "-c", "listen_addresses="),
                *("-c", "fsync=off"),
            ],
            self.folder,
        )
        wait_until(lambda: listens(self.served / ".s.PGSQL.5432"), "PostgreSQL to listen")
        words = [*as_owner, self.psql, "-h", str(self.served), "-d", "postgres"]
        asked = [*words, "-c", f"create role {_USER} login"]

        def answers() -> bool:
            return run_to_end(self.folder, asked).returncode == 0

        wait_until(answers, "PostgreSQL to start")

    def ask(self) -> subprocess.CompletedProcess[str]:
        """Ask it who the user is."""
        words = [self.psql, "-h", str(self.folder / "in"), "-d", "postgres", "-U", _USER]
        return self.run_as(*words, "-A", "-t", "-w", "-c", "select session_user")

    def test_peer(self) -> None:
        """The user is let in as what it is; by a daemon that connects as itself it is not."""
        inbound, outbound = "in/.s.PGSQL.5432", "served/.s.PGSQL.5432"
        daemon = self.start(inbound, outbound, credentials="client")
        asked = self.ask()
        self.assertEqual((asked.stdout, asked.returncode), (f"{_USER}\n", 0), asked.stderr)
        daemon.stop()
        self.start(inbound, outbound)
        self.assertIn("Peer authentication failed", self.ask().stderr)


class BusTest(_AsClientCase):
    """A D-Bus daemon, whose EXTERNAL uses the client's uid."""

    def setUp(self) -> None:
        """Start it."""
        super().setUp()
        self.send = need("dbus-send")
        path = self.folder / "bus.sock"
        conf = self.folder / "bus.conf"
        conf.write_text(BUS_CONFIGURATION.format(path=path), encoding="utf-8")
        words = [need("dbus-daemon"), f"--config-file={conf}", "--nofork", "--nopidfile"]
        start_peer(self, words, self.folder)
        wait_until(lambda: listens(path), "the bus to listen")
        path.chmod(0o666)

    def ask(self, name: str) -> subprocess.CompletedProcess[str]:
        """Ask it whose a connection is."""
        bus = "org.freedesktop.DBus"
        return self.run_as(
            self.send,
            f"--bus=unix:path={self.folder / 'in.sock'}",
            *("--print-reply=literal", f"--dest={bus}", "/", f"{bus}.GetConnectionUnixUser"),
            f"string:{name}",
        )

    def test_external(self) -> None:
        """The user is let in as what it is; by a daemon that connects as itself it is not."""
        daemon = self.start("in.sock", "bus.sock", credentials="client")
        asked = self.ask(":1.0")  # the first that comes has this name
        self.assertEqual(
            asked.stdout.split(), ["uint32", str(pwd.getpwnam(_USER).pw_uid)], asked.stderr
        )
        daemon.stop()
        self.start("in.sock", "bus.sock")
        self.assertNotEqual(self.ask(":1.1").returncode, 0)
