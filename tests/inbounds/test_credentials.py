"""Who the peer of a unix socket is."""

from __future__ import annotations

import os
import socket
import struct
from typing import Any
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.connection.identity import Identity
from pipetwist.inbounds import credentials
from pipetwist.inbounds.credentials import (
    PEER_CREDENTIALS,
    unix_client_info,
)

_TIMEOUTS = Timeouts(idle=1, half_close=2)


class _Socket:
    """A socket whose peer is the test's."""

    def __init__(self, uid: int, gid: int) -> None:
        self.credentials = struct.pack("iII", 99, uid, gid)

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert level == socket.SOL_SOCKET
        if option != socket.SO_PEERCRED:
            raise OSError
        return self.credentials[:size]


@skipUnless(PEER_CREDENTIALS, "needs SO_PEERCRED")
class ClientInfoTest(SynchronousTestCase):
    """The client that a peer becomes."""

    def client_info(self, *, identified: bool = False, connected: Any = None) -> ClientInfo:
        """The client at a socket whose other end is this process's."""
        near, far = socket.socketpair()
        with near, far:
            return unix_client_info("in", connected or near, _TIMEOUTS, identified=identified)

    def test_everybody(self) -> None:
        """Without users everybody comes in, as no user, with what the kernel says of the
        process.
        """
        self.assertEqual(
            self.client_info(),
            ClientInfo(
                "in",
                f"pid:{os.getpid()} uid:{os.getuid()} gid:{os.getgid()}",
                f"pid:{os.getpid()}",
                None,
                _TIMEOUTS,
                credentials=(os.getpid(), os.getuid(), os.getgid()),
            ),
        )

    def test_identified(self) -> None:
        """Where its user is looked for, its uid and all of its groups are asked for."""
        groups = set(os.getgroups()) - {os.getgid()}
        identity = self.client_info(identified=True).identity
        assert identity is not None
        self.assertEqual(identity[:2], (os.getuid(), os.getgid()))
        self.assertEqual(set(identity.groups) - {os.getgid()}, groups)
        self.assertIsNone(self.client_info().identity)

    def test_high_numbers(self) -> None:
        """Users and groups may have numbers up to the highest that the kernel has."""
        highest = 2**32 - 2
        for numbers in ((highest, 5), (5, highest)):
            client_info = self.client_info(identified=True, connected=_Socket(*numbers))
            self.assertEqual(client_info.peer, f"pid:99 uid:{numbers[0]} gid:{numbers[1]}")
            self.assertEqual(client_info.identity, Identity(*numbers, frozenset()))

    def test_system_without(self) -> None:
        """If the system does not say who a peer is everybody is just a client of a unix socket."""
        self.patch(credentials, "PEER_CREDENTIALS", False)
        nobody = ClientInfo("in", "unix", "unix", None, _TIMEOUTS)
        self.assertEqual(self.client_info(identified=True), nobody)
