"""Open connections whose clients are no users any more after a reload."""

from __future__ import annotations

import math
import os
import socket
from dataclasses import replace
from typing import Any

from twisted.logger import capturedLogs, formatEvent

from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.service.tree import PipetwistService
from tests.service.reload_case import ReloadTestCase

_ME = UserOptions(name="me", uid=os.geteuid())
_OTHER = UserOptions(name="other", uid=os.geteuid() + 1)
_NEAR = UserOptions(name="near", source=("127.0.0.0/8",))
_TOLD = "open connections whose clients are no users any more: "


class AskingAgainTest(ReloadTestCase):
    """Clients of a unix inbound with users, and of a TCP one."""

    def users(self, *users: UserOptions | str) -> UnixInboundOptions:
        """The inbound with these."""
        return replace(self.inbound(), users=users)

    def is_open(self, client: socket.socket) -> bool:
        """Whether a client is still connected, once everything has happened."""
        self.turn()
        client.setblocking(False)
        try:
            return client.recv(1) != b""
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False

    def started(self, **more: Any) -> tuple[PipetwistService, socket.socket]:
        """A tree with an inbound of mine, and a client there."""
        tree = self.start(self.users(_ME), **more)
        return tree, self.connect()

    def test_removed(self) -> None:
        """A client who is nobody any more is ended at once, which is said."""
        tree, client = self.started()
        with capturedLogs() as events:
            self.reload(tree, inbounds=(self.users(_OTHER),))
            self.assertFalse(self.is_open(client))
        said = [formatEvent(event) for event in events]
        self.assertIn(f"{_TOLD}1, ended now", said)
        self.assertEqual(
            [
                line.partition(" user=")[2].split()[0]
                for line in said
                if line.endswith(": its client is no user of the inbound any more")
            ],
            ["me"],
        )

    def test_empty(self) -> None:
        """So it is where the list has become empty, at the inbound or at the top."""
        for wanted in (
            {"inbounds": (self.users(),)},
            {"users": (), "inbounds": (replace(self.inbound(), users="*"),)},
        ):
            tree, client = self.started()
            self.reload(tree, **wanted)
            self.assertFalse(self.is_open(client))
            self.stop(tree)

    def test_stays(self) -> None:
        """A client who is a user still stays, and keeps the name that it came with where it would
        have another now.
        """
        tree, client = self.started(users=(_OTHER,))
        for inbound in (self.users(_ME, _OTHER), self.users(replace(_ME, name="new"), "other")):
            said = self.reload(tree, inbounds=(inbound,))
            self.assertEqual([line for line in said if line.startswith(_TOLD)], [])
            self.assertTrue(self.is_open(client))
        (connection,) = tree.relay.connection_table.connections()
        self.assertEqual(connection.client_info.user, "me")

    def test_names(self) -> None:
        """A user of the list at the top who is removed there is ended where inbounds name her."""
        for users in ("*", ("me",)):
            tree = self.start(replace(self.inbound(), users=users), users=(_ME,))
            client = self.connect()
            self.reload(tree, users=(_OTHER,))
            self.assertFalse(self.is_open(client))
            self.stop(tree)

    def test_inbound_gone(self) -> None:
        """An inbound that is removed ends nobody, nor does one that has no users any more."""
        tree, client = self.started()
        for inbounds in ((self.inbound(),), (self.inbound("new"),)):
            self.reload(tree, inbounds=inbounds)
            self.assertTrue(self.is_open(client))

    def test_first_users(self) -> None:
        """Where an inbound gets users, those who came before are known by what the system says of
        them.
        """
        for user, stays in ((_ME, True), (_OTHER, False), (replace(_ME, gid=1), True)):
            tree = self.start(self.inbound())
            client = self.connect()
            self.reload(tree, inbounds=(self.users(user),))
            self.assertEqual(self.is_open(client), stays)
            self.stop(tree)

    def test_proxy(self) -> None:
        """Of a client that a proxy has named nobody asks who the proxy is."""
        options = replace(self.inbound(), proxy_protocol=True)
        tree = self.start(options)
        named, plain = self.connect(), self.connect()
        named.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 47 80\r\n")
        plain.sendall(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0")
        self.turn()
        self.assertEqual(len(tree.relay.connection_table), 2)
        self.reload(tree, inbounds=(replace(options, users=(_ME,)),))
        self.assertEqual((self.is_open(named), self.is_open(plain)), (False, True))

    def test_address(self) -> None:
        """A client at a TCP port is asked by its address, whether the inbound had users before or
        not.
        """
        far = replace(_NEAR, source=("192.0.2.0/24",))
        for before in ((_NEAR,), None):
            options = TcpInboundOptions(tag="in", listen_port=0, users=before)
            tree = self.start(options)
            with socket.create_connection(("127.0.0.1", tree.inbounds["in"].port)) as client:
                self.turn()
                self.reload(tree, inbounds=(replace(options, users=(_NEAR,)),))
                self.assertTrue(self.is_open(client))
                self.reload(tree, inbounds=(replace(options, users=(far,)),))
                self.assertFalse(self.is_open(client))
            self.stop(tree)

    def test_grace(self) -> None:
        """With a time for it they go on for so long, and no longer for another reload meanwhile."""
        tree, client = self.started(removed_grace=10.0)
        said = self.reload(tree, inbounds=(self.users(_OTHER),))
        self.assertIn(f"{_TOLD}1, ended in 10 s", said)
        self.reactor.advance(6)
        self.assertTrue(self.is_open(client))
        said = self.reload(tree)
        self.assertEqual([line for line in said if line.startswith(_TOLD)], [])
        self.reactor.advance(3.9)
        self.assertTrue(self.is_open(client))
        self.reactor.advance(0.2)
        self.assertFalse(self.is_open(client))

    def test_taken_back(self) -> None:
        """Who is a user again before that time is over stays; and has all of it again where a
        later reload removes that user anew.
        """
        tree, client = self.started(removed_grace=10.0)
        self.reload(tree, inbounds=(self.users(_OTHER),))
        self.reactor.advance(6)
        self.reload(tree, inbounds=(self.users(_ME),))
        self.reactor.advance(5)
        self.assertTrue(self.is_open(client))
        self.reload(tree, inbounds=(self.users(_OTHER),))
        self.reactor.advance(9.5)
        self.assertTrue(self.is_open(client))
        self.reactor.advance(1)
        self.assertFalse(self.is_open(client))

    def test_never(self) -> None:
        """Nobody is ended where the document says so, until one does not."""
        tree, client = self.started(removed_grace=math.inf)
        self.reload(tree, inbounds=(self.users(_OTHER),))
        self.assertTrue(self.is_open(client))
        self.reload(tree, removed_grace=None)
        self.assertFalse(self.is_open(client))

    def test_many(self) -> None:
        """Of many none is left out."""
        tree = self.start(self.users(_ME), self.inbound("free"))
        clients = [self.connect() for _ in range(45)]
        free = self.connect("free")
        done = tree.reload(replace(tree.document, inbounds=(self.users(), self.inbound("free"))))
        for _ in range(20):
            self.turn()
        self.successResultOf(done)
        self.assertEqual([one for one in clients if self.is_open(one)], [])
        self.assertTrue(self.is_open(free))
