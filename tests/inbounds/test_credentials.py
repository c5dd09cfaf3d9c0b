"""Who the peer of a unix socket is."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from typing import Any
from unittest import skipUnless

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.inbounds import credentials
from pipetwist.inbounds.credentials import (
    PEER_CREDENTIALS,
    PeerCredentials,
    match_user,
    unix_client_info,
)
from pipetwist.inbounds.gate import RefusedError

_TIMEOUTS = Timeouts(idle=1, half_close=2)


@dataclass(frozen=True)
class _User:
    """An entry of ``users``."""

    name: str
    uid: int | None = None
    gid: int | None = None


class MatchTest(SynchronousTestCase):
    """Which user a peer is."""

    def test_order(self) -> None:
        """The first entry of the peer's uid counts, and only then the first of its gid, wherever
        they stand.
        """
        users = [
            _User("group", gid=50),
            _User("other", uid=7),
            _User("user", uid=1000),
            _User("again", uid=1000),
            _User("late", gid=50),
        ]
        self.assertEqual(match_user(users, PeerCredentials(1, 1000, 50)), "user")
        self.assertEqual(match_user(users, PeerCredentials(1, 1001, 50)), "group")
        self.assertIsNone(match_user(users, PeerCredentials(1, 1001, 51)))

    def test_root(self) -> None:
        """Number 0 is a number as any other."""
        self.assertEqual(match_user([_User("root", uid=0)], PeerCredentials(1, 0, 0)), "root")
        self.assertEqual(match_user([_User("wheel", gid=0)], PeerCredentials(1, 5, 0)), "wheel")
        self.assertIsNone(match_user([_User("root", uid=0)], PeerCredentials(1, 5, 0)))

    def test_either(self) -> None:
        """An entry with both numbers matches by either."""
        users = [_User("both", uid=1, gid=2)]
        found = [
            match_user(users, PeerCredentials(9, *numbers)) for numbers in ((1, 9), (9, 2), (9, 9))
        ]
        self.assertEqual(found, ["both", "both", None])

    def test_other_groups(self) -> None:
        """A gid matches any group that the peer is in: its primary one before the others, and a uid
        before both.
        """
        users = [_User("other", gid=60), _User("main", gid=50), _User("me", uid=1000)]
        for uid, gid, others, expected in (
            (7, 50, {60}, "main"),
            (7, 51, {60}, "other"),
            (1000, 51, {60}, "me"),
            (7, 51, {61}, None),
        ):
            self.assertEqual(
                match_user(users, PeerCredentials(1, uid, gid), lambda others=others: others),  # type: ignore[misc]  # mypy can't infer it
                expected,
            )

    def test_not_asked(self) -> None:
        """The other groups are asked for only where an entry could match by one, and nothing else
        has.
        """
        asked: list[str] = []

        def groups() -> set[int]:
            asked.append("asked")
            return set()

        match_user([_User("me", uid=7)], PeerCredentials(1, 1000, 50), groups)
        match_user(
            [_User("me", uid=1000), _User("group", gid=60)], PeerCredentials(1, 1000, 50), groups
        )
        match_user([_User("group", gid=50)], PeerCredentials(1, 1000, 50), groups)
        self.assertEqual(asked, [])
        match_user([_User("group", gid=60)], PeerCredentials(1, 1000, 50), groups)
        self.assertEqual(asked, ["asked"])

    @given(
        st.lists(
            st.builds(
                _User,
                st.sampled_from("abc"),
                st.none() | st.integers(0, 3),
                st.none() | st.integers(0, 3),
            )
        ),
        st.integers(0, 3),
        st.integers(0, 3),
    )
    def test_any_users(self, users: list[_User], uid: int, gid: int) -> None:
        """Whatever the entries are, it is the first by uid, or else the first by gid."""
        expected = [user.name for user in users if user.uid == uid] + [
            user.name for user in users if user.gid == gid
        ]
        self.assertEqual(
            match_user(users, PeerCredentials(1, uid, gid)), expected[0] if expected else None
        )


class _Socket:
    """A socket whose peer is the test's."""

    def __init__(self, uid: int, gid: int) -> None:
        self.credentials = struct.pack("iII", 99, uid, gid)

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_PEERCRED)
        return self.credentials[:size]


@skipUnless(PEER_CREDENTIALS, "needs SO_PEERCRED")
class ClientInfoTest(SynchronousTestCase):
    """The client that a peer becomes."""

    def client_info(self, *users: _User, connected: Any = None) -> ClientInfo:
        """The client at a socket whose other end is this process's."""
        near, far = socket.socketpair()
        with near, far:
            return unix_client_info("in", connected or near, _TIMEOUTS, users)

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
            ),
        )

    def test_user(self) -> None:
        """With users the matching one comes in."""
        self.assertEqual(self.client_info(_User("me", uid=os.getuid())).user, "me")

    def test_refused(self) -> None:
        """Nobody else does, and it is said who it was."""
        error = self.assertRaises(
            RefusedError, self.client_info, _User("other", uid=os.getuid() + 1)
        )
        self.assertEqual(
            str(error),
            f"refused pid:{os.getpid()} uid:{os.getuid()} gid:{os.getgid()}, which is not one "
            "of its users",
        )

    def test_high_numbers(self) -> None:
        """Users and groups may have numbers up to the highest that the kernel has."""
        highest = 2**32 - 2
        for numbers, user in (
            ((highest, 5), _User("high", uid=highest)),
            ((5, highest), _User("high", gid=highest)),
        ):
            client_info = self.client_info(user, connected=_Socket(*numbers))
            self.assertEqual(
                (client_info.user, client_info.peer),
                ("high", f"pid:99 uid:{numbers[0]} gid:{numbers[1]}"),
            )

    def test_system_without(self) -> None:
        """If the system does not say who a peer is everybody is just a client of a unix socket."""
        self.patch(credentials, "PEER_CREDENTIALS", False)
        self.assertEqual(self.client_info(), ClientInfo("in", "unix", "unix", None, _TIMEOUTS))
