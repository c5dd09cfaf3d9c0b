"""Inbounds on a unix socket."""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.logger import formatEvent

from pipetwist.connection.client_info import Timeouts
from pipetwist.errors import StartError
from pipetwist.inbounds import credentials
from pipetwist.inbounds import unix as unix_inbound
from pipetwist.inbounds.unix import UnixInbound, UnixInboundOptions
from pipetwist.kinds.user_options import UserOptions
from tests.inbounds.inbound_case import InboundTestCase


class UnixTest(InboundTestCase):
    """On a unix socket."""

    def make(self, **options: Any) -> UnixInbound:
        """Make the inbound."""
        self.path = str(self.folder / "in.sock")
        return UnixInbound(
            UnixInboundOptions(
                tag="in", path=self.path, idle_timeout=1, half_close_timeout=2, **options
            ),
            self.context,
        )

    def test_listens(self) -> None:
        """It listens once, on a file that nobody else may use, and stops; its clients come in as
        who they are, with its time-outs.
        """
        inbound = self.listen(self.make())
        self.successResultOf(inbound.listen())
        self.assertEqual(stat.S_IMODE(os.lstat(self.path).st_mode), 0o600)
        self.connect(socket.AF_UNIX, self.path)
        (client_info,) = self.relay.clients
        self.assertEqual(
            (client_info.inbound, client_info.source, client_info.user),
            ("in", f"pid:{os.getpid()}", None),
        )
        self.assertEqual(client_info.timeouts, Timeouts(idle=1, half_close=2))
        self.successResultOf(inbound.stop_listening())
        self.assertFalse(Path(self.path).exists())
        self.assertEqual(len(self.relay.handled), 1)
        self.successResultOf(inbound.stop_listening())

    def test_again(self) -> None:
        """Stopped, it can listen again."""
        inbound = self.listen(self.make(mode=0o660))
        inbound.stop_listening()
        self.listen(inbound)
        self.assertEqual(stat.S_IMODE(os.lstat(self.path).st_mode), 0o660)
        self.connect(socket.AF_UNIX, self.path)
        self.assertEqual(len(self.relay.handled), 1)

    def test_users(self) -> None:
        """A client that is one of its users is admitted as that user; nobody else is."""
        self.listen(self.make(users=(UserOptions(name="me", uid=os.getuid()),)))
        self.connect(socket.AF_UNIX, self.path)
        self.assertEqual([client_info.user for client_info in self.relay.clients], ["me"])

    def test_nobody_looks(self) -> None:
        """If nothing shows who clients are, the system is not asked, unless users depend on it; a
        reload may change both.
        """
        asked: list[Any] = []
        asks = credentials.client_info_of

        def noted(*arguments: Any, **others: Any) -> Any:
            if arguments[1] is not None:
                asked.append(arguments[1])
            return asks(*arguments, **others)

        self.patch(credentials, "client_info_of", noted)
        inbound = self.listen(self.make())
        users = (UserOptions(name="me", uid=os.getuid()),)
        for looks, known in ((True, None), (False, None), (False, users), (False, None)):
            self.relay.names_clients = looks
            options: Any = inbound.options
            inbound.apply(replace(options, users=known))
            self.connect(socket.AF_UNIX, self.path)
        ours = f"pid:{os.getpid()} uid:{os.getuid()} gid:{os.getgid()}"
        self.assertEqual(
            [client_info.peer for client_info in self.relay.clients], [ours, "unix", ours, "unix"]
        )
        self.assertEqual(len(asked), 2)

    def test_says_where(self) -> None:
        """Where it listens is logged."""
        self.listen(self.make())
        self.assertEqual(
            [formatEvent(event) for event in self.events], [f"inbound in listens on {self.path}"]
        )

    def test_refused(self) -> None:
        """A client that is not one of them is closed, and logged."""
        self.listen(self.make(users=(UserOptions(name="other", uid=os.getuid() + 1),)))
        client = self.connect(socket.AF_UNIX, self.path)
        self.assertEqual((client.recv(99), self.relay.clients), (b"", []))
        self.assertEqual(
            self.said(),
            [
                (
                    f"warn: inbound in: refused pid:{os.getpid()} uid:{os.getuid()} "
                    f"gid:{os.getgid()}, which is not one of its users"
                )
            ],
        )

    def test_can_not_listen(self) -> None:
        """If it can't listen it fails with what is wrong."""
        self.listen(self.make())
        failure = self.failureResultOf(self.make().listen(), StartError)
        self.assertIn(f"inbound in: another process listens on {self.path}", str(failure.value))
        failure = self.failureResultOf(self.make(group="none-of-this-name").listen(), StartError)

    def test_no_credentials(self) -> None:
        """Users where the system does not say who a peer is are refused at the start."""
        self.patch(unix_inbound, "PEER_CREDENTIALS", False)
        failure = self.failureResultOf(
            self.make(users=(UserOptions(name="me", uid=0),)).listen(), StartError
        )
        self.assertEqual(
            str(failure.value),
            "inbound in: users: this system does not say who the peer of a unix socket is",
        )

    def test_file_stays(self) -> None:
        """A file that can't be removed at the stop is logged, and it has stopped all the same."""
        inbound = self.listen(self.make())

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        self.patch(os, "rename", refuse)
        self.successResultOf(inbound.stop_listening())
        self.assertEqual(
            self.said(), [f"warn: inbound in: {self.path} can't be removed: Permission denied"]
        )
        with socket.socket(socket.AF_UNIX) as client:
            self.assertRaises(ConnectionRefusedError, client.connect, self.path)

    def test_user_of_nobody(self) -> None:
        """A user without any number could be nobody."""
        error = self.assertRaises(ValueError, UserOptions, name="x")
        self.assertIn("a user needs a uid, a gid, ", str(error))


class KernelUnixTest(UnixTest):
    """The same on a poller."""

    in_kernel = True
