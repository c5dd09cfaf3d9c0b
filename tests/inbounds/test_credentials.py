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
    client_naming,
    unix_client_info,
)

_TIMEOUTS = Timeouts(idle=1, half_close=2)


class _Socket:
    """A socket whose peer is the test's."""

    groups: tuple[int, ...] = ()

    def __init__(self, uid: int, gid: int, pid: int = 99) -> None:
        self.credentials = struct.pack("iII", pid, uid, gid)

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert level == socket.SOL_SOCKET
        if option == socket.SO_PEERCRED:
            return self.credentials[:size]
        if not self.groups:
            raise OSError
        return struct.pack(f"{len(self.groups)}I", *self.groups)


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


@skipUnless(PEER_CREDENTIALS, "needs SO_PEERCRED")
class NamingTest(SynchronousTestCase):
    """The clients of an inbound, one after the other."""

    def names(self, *clients: _Socket, identified: bool = False) -> list[ClientInfo]:
        """What is said of them."""
        name = client_naming("in", _TIMEOUTS, identified=identified)
        sockets: list[Any] = list(clients)
        return [name(connected) for connected in sockets]

    def test_again(self) -> None:
        """A process that connects again is the same client; one with another number, user or group
        is not.
        """
        first, *others, again = self.names(
            _Socket(1, 2), _Socket(1, 2, 98), _Socket(2, 2), _Socket(1, 1), _Socket(1, 2)
        )
        self.assertIs(again, first)
        connected: Any = _Socket(1, 2)
        self.assertEqual(first, unix_client_info("in", connected, _TIMEOUTS))
        self.assertEqual(
            [client_info.peer for client_info in others],
            ["pid:98 uid:1 gid:2", "pid:99 uid:2 gid:2", "pid:99 uid:1 gid:1"],
        )

    def test_stranger(self) -> None:
        """One that can't be seen from here may be another each time."""
        one, other = self.names(_Socket(1, 2, 0), _Socket(1, 2, 0))
        self.assertEqual(one.peer, "pid:0 uid:1 gid:2")
        self.assertNotEqual(one.source, other.source)

    def test_identified(self) -> None:
        """Where users are looked for each connection's groups are asked for."""
        client, changed = _Socket(1, 2), _Socket(1, 2)
        changed.groups = (5, 6)
        self.assertEqual(
            [client_info.identity for client_info in self.names(client, changed, identified=True)],
            [Identity(1, 2, frozenset()), Identity(1, 2, frozenset((5, 6)))],
        )

    def test_system_without(self) -> None:
        """Where the system does not say who a peer is it is not asked."""
        self.patch(credentials, "PEER_CREDENTIALS", False)
        (nobody,) = self.names(_Socket(1, 2))
        self.assertEqual(nobody.peer, "unix")
