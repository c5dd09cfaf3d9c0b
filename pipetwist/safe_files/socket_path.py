"""The place of a unix socket's file: whose socket is there, and how what a crash has left is
removed.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator

from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.lock import HeldByAnotherError, locked

__all__ = ["PathTakenError", "remove_stale_socket"]


class PathTakenError(Exception):
    """Something stands there that stays.

    Args:
        by_socket: whether it is a socket that a process has, and not some other file.
    """

    def __init__(self, *, by_socket: bool) -> None:
        super().__init__("a socket that a process has" if by_socket else "no socket")
        self.by_socket = by_socket


@contextlib.contextmanager
def remove_stale_socket(folder: Folder, name: str) -> Iterator[None]:
    """Remove a socket's file that no process has; nothing else.

    Who does the same at that moment, as long as the context lasts, is told that the place is taken:
    two daemons that start at once over one stale file must not take each other's fresh one for
    that.

    Args:
        folder: where it is.
        name: its name there.

    Raises:
        PathTakenError: something else stands there.
        OSError: the file can't be looked at or removed.
    """
    try:
        with locked(folder, f".{name}.lock"):
            _remove_stale(folder, name)
            yield
    except HeldByAnotherError:
        raise PathTakenError(by_socket=True) from None


def _remove_stale(folder: Folder, name: str) -> None:
    try:
        held = folder.hold(name)
    except FileNotFoundError:
        return
    with held:
        if not held.is_socket:
            raise PathTakenError(by_socket=False)
        if _is_bound(held.link or folder.path_of(name)):
            raise PathTakenError(by_socket=True)
        folder.remove(name, held.identity)


def _is_bound(path: str) -> bool:
    """Whether a process has the socket of this file.

    A datagram socket is asked for: a stream socket that does not listen yet refuses streams as a
    stale one does, but is told from it by its being of another type (EPROTOTYPE, connect(2)). It
    never waits either.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) not in (errno.ECONNREFUSED, errno.ENOENT)
