"""What a reload does to the inbounds of a running tree."""

from __future__ import annotations

import math
import os
import socket
from dataclasses import replace

from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.udp import UdpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.inbounds.unixgram import UnixgramInboundOptions
from pipetwist.kinds.user_options import UserOptions
from tests.service.reload_case import ReloadTestCase
from tests.support.scratch import free_port


class InboundsTest(ReloadTestCase):
    """Where clients connect."""

    def test_unchanged(self) -> None:
        """An inbound that stays as it is listens on: the socket is the same, and who waits there
        comes in.
        """
        tree = self.start()
        inode = (self.folder / "in").stat().st_ino
        waiting = socket.socket(socket.AF_UNIX)
        self.addCleanup(waiting.close)
        waiting.connect(str(self.folder / "in"))
        self.reload(tree)
        self.assertEqual((self.folder / "in").stat().st_ino, inode)
        self.turn()
        self.assertEqual(self.commands(tree), {"tool": 1})

    def test_new_and_gone(self) -> None:
        """A new one listens, one that is gone does not, and its socket's file goes."""
        tree = self.start(self.inbound("a"), self.inbound("b"))
        logged = self.reload(tree, inbounds=(self.inbound("b"), self.inbound("c")))
        self.assertEqual((self.there(), list(tree.inbounds)), (["b", "c"], ["b", "c"]))
        self.assertIn("configuration reloaded; inbounds new: c; inbounds gone: a", logged)
        self.connect("c")
        self.assertEqual(self.commands(tree), {"tool": 1})
        self.successResultOf(tree.reload(replace(tree.document, inbounds=(self.inbound("a"),))))
        self.assertEqual(self.there(), ["a"])

    def test_changed(self) -> None:
        """Other users and time-outs apply to new connections, and a mode to the file, while the
        socket is the same.
        """
        tree = self.start(removed_grace=math.inf)
        client = self.connect()
        inode = (self.folder / "in").stat().st_ino
        strangers = UnixInboundOptions(
            tag="in",
            path=str(self.folder / "in"),
            mode=0o666,
            idle_timeout=1.0,
            users=(UserOptions(name="bob", uid=os.geteuid() + 1),),
        )
        self.assertIn(
            "configuration reloaded; inbounds changed: in", self.reload(tree, inbounds=(strangers,))
        )
        found = (self.folder / "in").stat()
        self.assertEqual((found.st_ino, found.st_mode & 0o777), (inode, 0o666))
        self.assertEqual(self.connect().recv(1), b"")
        self.reactor.advance(60)
        client.sendall(b"still here")
        self.turn()
        self.assertEqual(self.spawner.processes[0].stdin, b"still here")

    def test_other_place(self) -> None:
        """An inbound that keeps its tag and moves listens at its new place alone."""
        tree = self.start()
        self.reload(tree, inbounds=(UnixInboundOptions(tag="in", path=str(self.folder / "moved")),))
        self.assertEqual(self.there(), ["moved"])
        self.connect("moved")

    def test_other_tag(self) -> None:
        """An inbound may take the place of another that goes at the same time."""
        tree = self.start()
        self.reload(
            tree, inbounds=(UnixInboundOptions(tag="renamed", path=str(self.folder / "in")),)
        )
        self.assertEqual((self.there(), list(tree.inbounds)), (["in"], ["renamed"]))
        self.connect()
        self.assertEqual(self.commands(tree), {"tool": 1})

    def test_wider(self) -> None:
        """A port that was open for this machine can be opened for others: the old listener makes
        room for the new one.
        """
        port = free_port(self)
        tree = self.start(TcpInboundOptions(tag="in", listen_port=port))
        self.reload(
            tree, inbounds=(TcpInboundOptions(tag="in", listen="0.0.0.0", listen_port=port),)
        )
        with socket.create_connection(("127.0.0.1", port)):
            self.assertEqual(tree.inbounds["in"].port, port)

    def test_datagrams(self) -> None:
        """An inbound of datagrams keeps its socket where it can, and with other users, times or
        bounds it can.
        """
        udp = UdpInboundOptions(tag="udp", listen_port=free_port(self))
        unix = UnixgramInboundOptions(tag="unix", path=str(self.folder / "dgram"))
        tree = self.start(udp, unix)
        before = dict(tree.inbounds)
        bob = UserOptions(name="bob", uid=os.geteuid())
        self.reload(
            tree,
            inbounds=(
                replace(udp, udp_timeout=1.0, max_associations=1),
                replace(unix, users=(bob,)),
            ),
        )
        self.assertEqual(tree.inbounds, before)
        self.assertEqual(tree.inbounds["udp"].timeouts.idle, 1.0)
        self.reload(tree, inbounds=(replace(udp, listen="0.0.0.0"), replace(unix, mode=0o666)))
        self.assertEqual([tree.inbounds[tag] is before[tag] for tag in before], [False, False])
        self.assertEqual((self.folder / "dgram").stat().st_mode & 0o777, 0o666)

    def test_stopped(self) -> None:
        """After a reload a stop leaves nothing behind, as before, and it can be started again with
        what it has then.
        """
        tree = self.start(self.inbound("a"), self.inbound("b"))
        self.reload(tree, inbounds=(self.inbound("b"), self.inbound("c")))
        self.successResultOf(tree.stopService())
        self.assertEqual((self.there(), self.reactor.readers), ([], set()))
        tree.startService()
        self.assertEqual(self.there(), ["b", "c"])
