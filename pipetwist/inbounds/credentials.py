"""Who the peer of a unix socket is, as the kernel says (SO_PEERCRED, unix(7))."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import lru_cache

from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.connection.identity import Identity
from pipetwist.inbounds.peer_process import stranger
from pipetwist.transfer.peer_credentials import (
    PEER_CREDENTIALS,
    PeerCredentials,
    other_groups,
    peer_credentials,
    ucred,
)

__all__ = [
    "PEER_CREDENTIALS",
    "PeerCredentials",
    "client_info_of",
    "client_naming",
    "unix_client_info",
]

# Of so many processes what is said of them is kept.
_KEPT = 256
_UNSEEN = bytes(4)  # the pid of a process that can't be seen from here


def client_naming(
    tag: str, timeouts: Timeouts, *, identified: bool
) -> Callable[[socket.SocketType], ClientInfo]:
    """What names an inbound's clients as `unix_client_info` does, and a process that connects again
    sooner: its client info is the same object then.

    Args:
        tag: the inbound's.
        timeouts: the inbound's.
        identified: whether its users are to be found by it. A process may have other groups each
            time that it connects.
    """

    @lru_cache(maxsize=_KEPT)
    def known(raw: bytes) -> ClientInfo:
        return client_info_of(tag, PeerCredentials.of(raw), timeouts)

    def name(connected: socket.SocketType) -> ClientInfo:
        raw = ucred(connected)
        if raw.startswith(_UNSEEN):
            return unix_client_info(tag, connected, timeouts)
        return known(raw)

    def name_each(connected: socket.SocketType) -> ClientInfo:
        return unix_client_info(tag, connected, timeouts, identified=identified)

    return name if PEER_CREDENTIALS and not identified else name_each


def unix_client_info(
    tag: str, connected: socket.SocketType, timeouts: Timeouts, *, identified: bool = False
) -> ClientInfo:
    """Make the client info of a unix socket's peer, with the credentials from the kernel.

    Args:
        tag: the inbound's.
        connected: the unix socket that is connected to it.
        timeouts: the inbound's.
        identified: whether its user is to be found by it.
    """
    if not PEER_CREDENTIALS:
        return client_info_of(tag, None, timeouts)
    peer = peer_credentials(connected)
    return client_info_of(tag, peer, timeouts, connected, identified=identified)


def client_info_of(
    tag: str,
    peer: PeerCredentials | None,
    timeouts: Timeouts,
    connected: socket.SocketType | None = None,
    *,
    identified: bool = False,
) -> ClientInfo:
    """Make the client info of a peer with these credentials.

    Args:
        tag: the inbound's.
        peer: its credentials; None if the kernel does not know them.
        timeouts: the inbound's.
        connected: the socket that is connected to it, if there is one; the kernel knows more about
            its peer.
        identified: whether its user is to be found by it.
    """
    if peer is None:
        return ClientInfo(tag, "unix", "unix", None, timeouts)
    source = f"pid:{peer.pid}" if peer.pid else stranger(connected)
    client_info = ClientInfo(tag, str(peer), source, None, timeouts, credentials=peer)
    if not identified:
        return client_info
    # Now, since a reload asks again, and then the socket may not be there to be asked.
    return client_info._replace(identity=Identity(peer.uid, peer.gid, other_groups(connected)))
