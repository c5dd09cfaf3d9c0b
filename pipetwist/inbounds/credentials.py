"""Who the peer of a unix socket is, as the kernel says (SO_PEERCRED, unix(7))."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.inbounds.gate import RefusedError
from pipetwist.inbounds.peer_process import stranger
from pipetwist.transfer.peer_credentials import (
    PEER_CREDENTIALS,
    PeerCredentials,
    other_groups,
    peer_credentials,
)

__all__ = [
    "PEER_CREDENTIALS",
    "PeerCredentials",
    "PeerUser",
    "client_info_of",
    "match_user",
    "unix_client_info",
]


class PeerUser(Protocol):
    """An entry of a unix inbound's ``users``."""

    @property
    def name(self) -> str:
        """The user's name."""

    @property
    def uid(self) -> int | None:
        """The system's user that it runs as."""

    @property
    def gid(self) -> int | None:
        """The system's group that it runs as."""


def match_user(
    users: Sequence[PeerUser], peer: PeerCredentials, groups: Callable[[], Collection[int]] = tuple
) -> str | None:
    """Find the user of a peer: the first entry with its uid, or else with its gid, or else with
    another group that it is in.

    Args:
        users: the entries.
        peer: its credentials.
        groups: gets its other groups; called only if nothing else matches.

    Returns:
        The user's name; None if no entry matches.
    """
    for user in users:
        if user.uid is not None and user.uid == peer.uid:
            return user.name
    of_groups = [user for user in users if user.gid is not None]
    for user in of_groups:
        if user.gid == peer.gid:
            return user.name
    others = groups() if of_groups else ()
    return next((user.name for user in of_groups if user.gid in others), None)


def unix_client_info(
    tag: str, connected: socket.SocketType, timeouts: Timeouts, users: Sequence[PeerUser] = ()
) -> ClientInfo:
    """Make the client info of a unix socket's peer, with the credentials from the kernel.

    Args:
        tag: the inbound's.
        connected: the unix socket that is connected to it.
        timeouts: the inbound's.
        users: who is allowed; everybody if it is empty.

    Raises:
        RefusedError: the peer is not one of them.
    """
    if not PEER_CREDENTIALS:
        return client_info_of(tag, None, timeouts)
    return client_info_of(tag, peer_credentials(connected), timeouts, users, connected)


def client_info_of(
    tag: str,
    peer: PeerCredentials | None,
    timeouts: Timeouts,
    users: Sequence[PeerUser] = (),
    connected: socket.SocketType | None = None,
) -> ClientInfo:
    """Make the client info of a peer with these credentials.

    Args:
        tag: the inbound's.
        peer: its credentials; None if the kernel does not know them.
        timeouts: the inbound's.
        users: who is allowed; everybody if it is empty.
        connected: the socket that is connected to it, if there is one; the kernel knows more about
            its peer.

    Raises:
        RefusedError: there are users, and the peer is not one of them.
    """
    if peer is None and users:
        message = "refused a sender without credentials"
        raise RefusedError(message)
    if peer is None:
        return ClientInfo(tag, "unix", "unix", None, timeouts)
    user = match_user(users, peer, lambda: other_groups(connected)) if users else None
    if users and user is None:
        message = f"refused {peer}, which is not one of its users"
        raise RefusedError(message)
    return ClientInfo(
        tag, str(peer), f"pid:{peer.pid}" if peer.pid else stranger(connected), user, timeouts
    )
