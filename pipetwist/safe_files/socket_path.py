"""The path of a unix socket: whether a process has the socket there, and how a stale file is
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
    """There is a file that must not be removed.

    Args:
        by_socket: whether it is the socket of a process, and not another kind of file.
    """

    def __init__(self, *, by_socket: bool) -> None:
        super().__init__("a socket that a process has" if by_socket else "no socket")
        self.by_socket = by_socket


@contextlib.contextmanager
def remove_stale_socket(folder: Folder, name: str) -> Iterator[None]:
    """Remove the file of a socket that no process has, and nothing else.

    While the context lasts, other processes that do the same get an error: two daemons that start
    at once over one stale file must not remove each other's new one.

    Args:
        folder: where it is.
        name: its name there.

    Raises:
        PathTakenError: there is another file.
        OSError: the file can't be checked or removed.
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

    A datagram socket is connected to it: a stream socket that does not listen yet refuses streams
    like a stale one, but it rejects a datagram socket because of its type (EPROTOTYPE, connect(2)).
    This never blocks either.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) not in (errno.ECONNREFUSED, errno.ENOENT)
