"""What the kernel says of a unix socket's peer beyond its credentials: with real processes, where
this user may make them.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import subprocess
import sys
from unittest import skipUnless

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pipetwist.connection.client_info import Timeouts
from pipetwist.errors import RefusedError
from pipetwist.inbounds import peer_process
from pipetwist.inbounds.credentials import unix_client_info
from pipetwist.inbounds.peer_process import stranger
from pipetwist.kinds.user_options import UserOptions
from pipetwist.transfer.peer_credentials import other_groups
from pipetwist.users.admission import named
from pipetwist.users.index import UserIndex
from tests.support.daemon import daemon_environment
from tests.support.peers import need
from tests.support.scratch import scratch_folder, wait_until

_LINUX = sys.platform == "linux"
# A client that is in these groups, says when it has connected, and stays until it is told to go.
_MEMBER = """
import os, socket, sys
os.setgroups([int(number) for number in sys.argv[2].split(",")])
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
sys.stdin.read()
"""


class _Listening(SynchronousTestCase):
    def setUp(self) -> None:
        """Choose the place."""
        self.path = scratch_folder(self) / "in.sock"

    def run_python(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program, which the test's clean-up ends."""
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=daemon_environment()
        )

        def end() -> None:
            process.kill()
            process.communicate(timeout=60)

        self.addCleanup(end)
        return process


@skipUnless(_LINUX, "needs SO_PEERGROUPS")
class GroupsTest(_Listening):
    """Groups beside the primary one."""

    def connected(self, *numbers: int) -> socket.socket:
        """The connection of a client that is in these groups."""
        if os.geteuid() != 0:
            message = "only root may choose its groups"
            raise SkipTest(message)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.settimeout(60)
            listener.bind(str(self.path))
            listener.listen()
            self.run_python(
                sys.executable, "-c", _MEMBER, str(self.path), ",".join(map(str, numbers))
            )
            connected, _ = listener.accept()
        self.addCleanup(connected.close)
        return connected

    def test_groups(self) -> None:
        """They are those that the client was in when it connected."""
        self.assertEqual(other_groups(self.connected(4711, 4712)), {4711, 4712})

    def test_user(self) -> None:
        """A client that is in the group of a user, though not first of all, comes in as that user;
        others are refused.
        """
        connected = self.connected(4711, 4712)
        users = (UserOptions(name="other", gid=4710), UserOptions(name="staff", gid=4712))
        client_info = unix_client_info("in", connected, Timeouts(), identified=True)
        self.assertEqual(named(client_info, UserIndex(users)).user, "staff")
        self.assertRaises(RefusedError, named, client_info, UserIndex(users[:1]))

    def test_many(self) -> None:
        """However many there are, up to the highest number."""
        many = [*range(5000, 7000), 2**32 - 2]
        self.assertEqual(other_groups(self.connected(*many)), set(many))

    def test_not_said(self) -> None:
        """If the kernel does not say there are none; nor are there of a sender of datagrams."""

        class Old(socket.socket):
            def getsockopt(self, *_: object) -> bytes:  # type: ignore[override]  # as it is called
                raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))

        with Old(socket.AF_UNIX) as old:
            self.assertEqual(other_groups(old), frozenset())
        self.assertEqual(other_groups(None), frozenset())


@skipUnless(_LINUX, "needs PID namespaces")
class StrangersTest(_Listening):
    """Clients of another PID namespace, which have no number here."""

    def test_told_apart(self) -> None:
        """Two processes are two sources. Where the kernel tells processes apart one has the same
        source each time.
        """
        if os.geteuid() != 0:
            message = "a PID namespace needs root"
            raise SkipTest(message)
        unshare = [need("unshare"), "--pid", "--fork", "--kill-child"]
        if subprocess.run(
            [*unshare, "true"], capture_output=True, check=False, timeout=60
        ).returncode:
            message = "this kernel gives no PID namespace"
            raise SkipTest(message)
        inside = self.run_python(
            *unshare, sys.executable, "-m", "tests.inbounds.namespaced", str(self.path), "3"
        )
        wait_until(self.path.exists, "the listener in its namespace")
        for _ in range(2):
            self.connect()
        self.run_python(sys.executable, "-c", _MEMBER, str(self.path), "0")
        assert inside.stdout is not None
        said = [inside.stdout.readline().decode().split() for _ in range(3)]
        self.assertEqual(
            [words[:-1] for words in said],
            [["pid:0", f"uid:{os.geteuid()}", f"gid:{os.getegid()}"]] * 3,
        )
        sources = [words[-1] for words in said]
        for source in sources:
            self.assertRegex(source, r"^pid:0/c?\d+$")
        self.assertNotEqual(sources[0], sources[2])
        if _inode(os.getpid()) != _inode(1):
            self.assertEqual(sources[0], sources[1])

    def test_unknown(self) -> None:
        """If nothing is known of the process each connection is a source of its own, and so is each
        sender of datagrams.
        """
        self.patch(peer_process, "_own_inode", lambda: None)
        near, far = socket.socketpair()
        with near, far:
            sources = {stranger(near), stranger(near), stranger(None), stranger(None)}
        self.assertEqual(len(sources), 4)
        for source in sources:
            self.assertTrue(re.fullmatch(r"pid:0/c\d+", source), source)

    def test_older_kernel(self) -> None:
        """So it is where the kernel gives the same inode to all processes."""
        near, far = socket.socketpair()
        with near, far:
            self.patch(peer_process, "_own_inode", lambda: _inode(os.getpid()))
            # The peer is this process, and has the inode of this process.
            self.assertIn("/c", stranger(near))

    def connect(self) -> None:
        """A client of this process's."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(str(self.path))


def _inode(pid: int) -> int:
    descriptor = os.pidfd_open(pid)
    try:
        return os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)
