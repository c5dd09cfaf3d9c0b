"""A lock on a name in a folder, between processes of one user: other users can't hold it, and
nothing waits for it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.held import Identity

__all__ = ["HeldByAnotherError", "locked"]

_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
_ATTEMPTS = 10


class HeldByAnotherError(Exception):
    """Another process has the lock."""


@contextlib.contextmanager
def locked(folder: Folder, name: str) -> Iterator[None]:
    """Hold a lock, which is flock(2) on a file that only this user can open, and which is removed
    afterwards.

    The folder itself could be locked too, but by everybody who may read it. If another user has put
    a file at the name, there is no lock, since that user could hold it.

    Args:
        folder: where the file is.
        name: its name.

    Raises:
        HeldByAnotherError: another process has it.
    """
    descriptor = _take(folder, name)
    try:
        yield
    finally:
        if descriptor is not None:
            with contextlib.suppress(OSError):
                folder.remove(name, Identity.of(os.fstat(descriptor)))
            os.close(descriptor)


def _take(folder: Folder, name: str) -> int | None:
    import fcntl  # there is none on Windows, where this is not called

    for _ in range(_ATTEMPTS):
        try:
            descriptor = os.open(name, _FLAGS, 0o600, dir_fd=folder.descriptor)
        except OSError:
            return None
        status = os.fstat(descriptor)
        if not _ours_alone(status):
            os.close(descriptor)
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            break
        if folder.identity(name) == Identity.of(status):
            return descriptor
        # Its last holder has removed it since it was opened.
        os.close(descriptor)
    raise HeldByAnotherError


def _ours_alone(status: os.stat_result) -> bool:
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid == os.geteuid()
        and status.st_nlink <= 1
        and not status.st_mode & 0o077
    )
