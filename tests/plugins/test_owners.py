"""Who owns a socket, as the kernel says: this process, another one, and another user's."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pipetwist.interfaces import Medium
from pipetwist.plugins import kernel_tables, owners
from pipetwist.plugins.contract import Place
from pipetwist.plugins.kernel_tables import TCP_TABLES, ConnectedSockets, pieces
from pipetwist.plugins.owners import (
    Listens,
    PluginProcess,
    are_senders,
    is_peer,
    who_listens,
)
from pipetwist.plugins.socket_diagnosis import DiagnosisError
from tests.support.stranger import STRANGER, needs_root

_LISTEN = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""
_LISTEN_SHARED = """
server = socket.create_server((sys.argv[1], int(sys.argv[2])), reuse_port=True)
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""
_CONNECT = """
import socket, sys
connected = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print("connected", flush=True)
sys.stdin.read()
"""
_SEND = """
import socket, sys
sending = socket.socket(type=socket.SOCK_DGRAM)
sending.connect(("127.0.0.1", int(sys.argv[1])))
print(sending.getsockname()[1], flush=True)
sys.stdin.read()
"""
# Python itself may be where the stranger can't read: what is needed is imported before.
_AS_STRANGER = f"""
import encodings.idna, os
os.setgroups([])
os.setgid({STRANGER})
os.setuid({STRANGER})
"""
_IMPORTS = """
import ctypes, os, signal
from pipetwist.plugins.owners import PluginProcess, who_listens
from pipetwist.plugins.contract import Place
"""
# Processes that listen, whose descriptors their own user may see or not (prctl(2),
# PR_SET_DUMPABLE), and what is said of them and their ports.
_HIDDEN = """
def listen(seen):
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(4, seen, 0, 0, 0)
        server = socket.create_server(("127.0.0.1", 0))
        os.write(writing, str(server.getsockname()[1]).encode())
        signal.pause()
    port = os.read(reading, 5)
    return PluginProcess(pid), [Place("127.0.0.1", int(port))]
(hidden, its), (seen, others) = listen(0), listen(1)
asked = (hidden, its), (hidden, others), (seen, its), (seen, others)
try:
    print(*[who_listens(*one)[0].name for one in asked], flush=True)
finally:
    for process in (hidden, seen):
        os.kill(process.group, signal.SIGKILL)
        os.waitpid(process.group, 0)
sys.stdin.read()
"""
# Runs a command where /proc shows a user no process that hides from it.
_INVISIBLE = (
    *("unshare", "--mount", "sh", "-c"),
    *('mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"),
)


def _refuse(*_: object) -> None:
    message = "Address family not supported by protocol"
    raise DiagnosisError(message)


class _OwnersCase(SynchronousTestCase):
    def run_program(self, script: str, *arguments: str, by: Sequence[str] = ()) -> tuple[int, str]:
        """Run a program in a group of its own until the test's end; its group, and its first
        line.

        Args:
            script: the program, for Python.
            arguments: its arguments.
            by: what runs it.
        """
        process = subprocess.Popen(
            [
                "setsid",
                *by,
                sys.executable,
                "-c",
                f"import socket, subprocess, sys\n{script}",
                *arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate, timeout=60)
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        return os.getpgid(process.pid), line


class ListeningTest(_OwnersCase):
    """Who listens at an address."""

    def test_plugin(self) -> None:
        """A process of the group is the plug-in, and of another group a stranger."""
        group, port = self.run_program(_LISTEN)
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):
            places = [Place(host, int(port))]
            self.assertEqual(who_listens(PluginProcess(group), places), [Listens.PLUGIN])
            self.assertEqual(who_listens(PluginProcess(os.getpid()), places), [Listens.STRANGER])

    def test_no_process(self) -> None:
        """While it does not run nobody is it, not even a process whose group is another
        namespace's, and therefore 0 here.
        """
        self.patch(owners, "_members", lambda _: [os.getpid()])
        with socket.create_server(("127.0.0.1", 0)) as server:
            places = [Place(*server.getsockname())]
            self.assertEqual(who_listens(PluginProcess(os.getpid()), places), [Listens.PLUGIN])
            self.assertEqual(who_listens(PluginProcess(0), places), [Listens.STRANGER])

    def test_no_descriptor(self) -> None:
        """Where there is no free descriptor it is not known, and nobody is taken for a stranger."""
        group, port = self.run_program(_LISTEN)
        places = [Place("127.0.0.1", int(port))]
        table = b"".join(pieces(TCP_TABLES))
        self.patch(owners, "pieces", lambda _: [table])
        self.patch(owners, "_members", lambda _: [group])
        bounds = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, bounds[1]))
        try:
            self.assertRaises(OSError, who_listens, PluginProcess(group), places)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, bounds)

    def test_child(self) -> None:
        """A child of the first process is of its group as well."""
        group, port = self.run_program(f"subprocess.call([sys.executable, '-c', {_LISTEN!r}])")
        places = [Place("127.0.0.1", int(port))]
        self.assertEqual(who_listens(PluginProcess(group), places), [Listens.PLUGIN])

    def test_nobody(self) -> None:
        """Where one of its addresses is not listened at yet, it is not ready."""
        group, port = self.run_program(_LISTEN)
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            places = [Place("127.0.0.1", int(port)), Place(*other.getsockname())]
            self.assertEqual(
                who_listens(PluginProcess(group), places), [Listens.PLUGIN, Listens.NOBODY]
            )

    def test_another_address(self) -> None:
        """Who listens on the same port of another address does not matter."""
        group, port = self.run_program(_LISTEN)
        with socket.create_server(("127.0.0.2", int(port))):
            places = [Place("127.0.0.1", int(port))]
            self.assertEqual(who_listens(PluginProcess(group), places), [Listens.PLUGIN])

    def test_shared(self) -> None:
        """Where another process listens at the same address, as SO_REUSEPORT lets those of one
        user, it gets some of the connections: it is a stranger, at a wildcard, too.
        """
        for host in ("0.0.0.0", "127.0.0.1"):
            group, port = self.run_program(_LISTEN_SHARED, host, "0")
            places = [Place(host, int(port))]
            self.assertEqual(who_listens(PluginProcess(group), places), [Listens.PLUGIN])
            self.run_program(_LISTEN_SHARED, host, port)
            self.assertEqual(who_listens(PluginProcess(group), places), [Listens.STRANGER])

    @needs_root
    def test_another_user(self) -> None:
        """Another user's socket is a stranger's, even if the process is of the group; that of the
        plug-in's user is the plug-in's.
        """
        group, port = self.run_program(_AS_STRANGER + _LISTEN)
        places = [Place("127.0.0.1", int(port))]
        self.assertEqual(who_listens(PluginProcess(group), places), [Listens.STRANGER])
        self.assertEqual(who_listens(PluginProcess(group, STRANGER), places), [Listens.PLUGIN])

    def test_datagrams(self) -> None:
        """Over UDP it is a socket without a peer, and what listens over TCP is none."""
        own = PluginProcess(os.getpid())
        group, port = self.run_program(_LISTEN)
        self.assertEqual(
            who_listens(PluginProcess(group), [Place("127.0.0.1", int(port), Medium.DATAGRAMS)]),
            [Listens.NOBODY],
        )
        group, port = self.run_program(_SEND, "1")
        places = [Place("127.0.0.1", int(port), Medium.DATAGRAMS)]
        self.assertEqual(who_listens(PluginProcess(group), places), [Listens.NOBODY])
        with socket.socket(type=socket.SOCK_DGRAM) as ours:
            ours.bind(("127.0.0.1", 0))
            places = [Place("127.0.0.1", ours.getsockname()[1], Medium.DATAGRAMS)]
            self.assertEqual(who_listens(own, places), [Listens.PLUGIN])
            self.assertEqual(who_listens(PluginProcess(group), places), [Listens.STRANGER])

    def test_hidden(self) -> None:
        """A process of the daemon's own user that shows nobody its descriptors, as one with
        capabilities, has what no other is seen to have.
        """
        as_stranger = _AS_STRANGER if os.geteuid() == 0 else ""
        _, said = self.run_program(f"{_IMPORTS}{as_stranger}{_HIDDEN}")
        self.assertEqual(said, "PLUGIN STRANGER STRANGER PLUGIN")

    @needs_root
    def test_invisible(self) -> None:
        """The same where /proc does not even show that it runs, hidepid=2 of proc(5)."""
        if subprocess.run([*_INVISIBLE, "true"], check=False, capture_output=True).returncode:
            message = "may not mount /proc again"
            raise SkipTest(message)
        _, said = self.run_program(f"{_IMPORTS}{_AS_STRANGER}{_HIDDEN}", by=_INVISIBLE)
        self.assertEqual(said, "PLUGIN STRANGER STRANGER PLUGIN")


class SenderTest(_OwnersCase):
    """Whose a port is that datagrams come from."""

    def test_plugin(self) -> None:
        """Of a port that a process of the group has, with or without a peer, they are the
        plug-in's; of a stranger's or of nobody's they are not.
        """
        group, port = self.run_program(_SEND, "1")
        self.assertEqual(are_senders(PluginProcess(group), [int(port)]), [True])
        self.assertEqual(are_senders(PluginProcess(os.getpid()), [int(port)]), [False])
        with socket.socket(type=socket.SOCK_DGRAM) as ours:
            ours.bind(("127.0.0.1", 0))
            own = ours.getsockname()[1]
            self.assertEqual(
                are_senders(PluginProcess(os.getpid()), [own, int(port), own]), [True, False, True]
            )
        self.assertEqual(are_senders(PluginProcess(os.getpid()), [own]), [False])

    def test_another_address(self) -> None:
        """Who has the same port of another address could send from here, too: then it is not the
        plug-in's.
        """
        group, port = self.run_program(_SEND, "1")
        with socket.socket(type=socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.2", int(port)))
            self.assertEqual(are_senders(PluginProcess(group), [int(port)]), [False])

    @needs_root
    def test_another_user(self) -> None:
        """Another user's port is not the plug-in's, unless it runs as that user."""
        group, port = self.run_program(_AS_STRANGER + _SEND, "1")
        self.assertEqual(are_senders(PluginProcess(group), [int(port)]), [False])
        self.assertEqual(are_senders(PluginProcess(group, STRANGER), [int(port)]), [True])

    def test_many(self) -> None:
        """With 1,000 sockets it is found within 5 ms of processor time, in the best of ten."""
        own, port = PluginProcess(os.getpid()), 0
        for _ in range(1000):
            opened = socket.socket(type=socket.SOCK_DGRAM)
            self.addCleanup(opened.close)
            opened.bind(("127.0.0.1", 0))
            port = opened.getsockname()[1]
        seconds = []
        for _ in range(10):
            began = time.thread_time()
            self.assertEqual(are_senders(own, [port]), [True])
            seconds.append(time.thread_time() - began)
        self.assertLess(min(seconds), 0.005)


class TableSenderTest(SenderTest):
    """The same where a sandbox forbids netlink, by the kernel's table."""

    def setUp(self) -> None:
        """Forbid it."""
        self.patch(owners, "diagnosed_port", _refuse)

    def test_many(self) -> None:
        """With 1,000 sockets the table has the row, wherever it is."""
        ports = []
        for _ in range(1000):
            opened = socket.socket(type=socket.SOCK_DGRAM)
            self.addCleanup(opened.close)
            opened.bind(("127.0.0.1", 0))
            ports.append(opened.getsockname()[1])
        self.assertEqual(are_senders(PluginProcess(os.getpid()), ports[::100]), [True] * 10)


class PeerTest(_OwnersCase):
    """Who is at the other end of a connection."""

    def setUp(self) -> None:
        """Listen."""
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(60)
        self.addCleanup(self.server.close)
        self.port = self.server.getsockname()[1]

    def accept(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Accept a connection; its two addresses."""
        accepted, peer = self.server.accept()
        self.addCleanup(accepted.close)
        return peer, accepted.getsockname()

    def test_plugin(self) -> None:
        """A connection of the group's is the plug-in's, and one of this process is not."""
        group, _ = self.run_program(_CONNECT, str(self.port))
        ends = self.accept()
        self.assertTrue(is_peer(PluginProcess(group), ConnectedSockets(), *ends))
        self.assertFalse(is_peer(PluginProcess(os.getpid()), ConnectedSockets(), *ends))
        with socket.create_connection(("127.0.0.1", self.port)):
            self.assertFalse(is_peer(PluginProcess(group), ConnectedSockets(), *self.accept()))

    def test_half_closed(self) -> None:
        """One that has half-closed is still there, and one that has closed is nobody's."""
        own = PluginProcess(os.getpid())
        with socket.create_connection(("127.0.0.1", self.port)) as connected:
            ends = self.accept()
            connected.shutdown(socket.SHUT_WR)
            self.assertTrue(is_peer(own, ConnectedSockets(), *ends))
        self.assertFalse(is_peer(own, ConnectedSockets(), *ends))

    @needs_root
    def test_another_user(self) -> None:
        """Another user's connection is not the plug-in's, unless it runs as that user."""
        group, _ = self.run_program(_AS_STRANGER + _CONNECT, str(self.port))
        ends = self.accept()
        self.assertFalse(is_peer(PluginProcess(group), ConnectedSockets(), *ends))
        self.assertTrue(is_peer(PluginProcess(group, STRANGER), ConnectedSockets(), *ends))

    def test_many(self) -> None:
        """With 1,000 sockets it is found within 5 ms of processor time, in the best of ten."""
        own, last = PluginProcess(os.getpid()), None
        for _ in range(500):
            connected = socket.create_connection(("127.0.0.1", self.port))
            self.addCleanup(connected.close)
            last = self.accept()
        assert last is not None
        seconds = []
        for _ in range(10):
            began = time.thread_time()
            self.assertTrue(is_peer(own, ConnectedSockets(), *last))
            seconds.append(time.thread_time() - began)
        self.assertLess(min(seconds), 0.005)


class TablePeerTest(PeerTest):
    """The same where a sandbox forbids netlink, by the kernel's table."""

    def setUp(self) -> None:
        """Forbid it."""
        super().setUp()
        self.patch(owners, "diagnosed_owner", _refuse)

    def test_many(self) -> None:
        """With 1,000 sockets the table has the row, wherever it is."""
        own, ends = PluginProcess(os.getpid()), []
        for _ in range(500):
            connected = socket.create_connection(("127.0.0.1", self.port))
            self.addCleanup(connected.close)
            ends.append(self.accept())
        sockets = ConnectedSockets()
        for one in ends[::50]:
            self.assertTrue(is_peer(own, sockets, *one))

    def test_gone(self) -> None:
        """However many have gone, the kernel's tables are read twice for all of them."""
        read: list[object] = []

        def counted(paths: Iterable[str]) -> Iterator[bytes]:
            read.append(paths)
            yield from pieces(paths)

        self.patch(kernel_tables, "pieces", counted)
        sockets = ConnectedSockets()
        for port in range(1, 50):
            ends = ("127.0.0.1", port), ("127.0.0.1", self.port)
            self.assertFalse(is_peer(PluginProcess(os.getpid()), sockets, *ends))
        self.assertEqual(len(read), 2)
