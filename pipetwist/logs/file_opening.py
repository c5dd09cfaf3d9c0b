"""Opens the log's file, and refuses files and links that other users may have put there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

__all__ = ["Owner", "open_log_file", "real_path"]

Owner = tuple[int, int]
"""The numbers of a user and a group."""

# As many links as the kernel follows, path_resolution(7).
_MAX_LINKS = 40
_FLAGS = (
    os.O_WRONLY
    | os.O_APPEND
    | sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOCTTY", "O_NONBLOCK"))
)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)


def real_path(path: str) -> str:
    """Follow the links that a log's path ends in.

    Raises:
        OSError: a link that another user may have put there, or a circle of links.
    """
    for _ in range(_MAX_LINKS):
        # Links in /proc are made by the kernel, and may lead to files without a name.
        if path.startswith("/proc/") or not os.path.islink(path):  # noqa: PTH114 - the texts are joined as the kernel joins them
            return path
        folder = os.path.dirname(path)  # noqa: PTH120 - as above
        _check_link(path, folder)
        path = os.path.join(folder, os.readlink(path))  # noqa: PTH115, PTH118 - as above
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def _check_link(path: str, folder: str) -> None:
    if not hasattr(os, "geteuid"):
        return
    ours = {0, os.geteuid()}
    # A group that may write there is not root.
    others = stat.S_IWOTH if os.geteuid() else stat.S_IWOTH | stat.S_IWGRP
    around, link = os.stat(folder), os.lstat(path)  # noqa: PTH116 - as above
    # In a sticky folder other users can't replace the link; elsewhere it could be another one by
    # the time it is followed.
    safe = around.st_uid in ours and (around.st_mode & stat.S_ISVTX or not around.st_mode & others)
    if not safe or link.st_uid not in ours:
        message = "it is a link that somebody else may have put there; name the file itself"
        raise OSError(errno.EPERM, message, path)


def open_log_file(path: str, mode: int | None = None, owner: Owner | None = None) -> int:
    """Open a log's file to append, and create it if it does not exist.

    Args:
        path: the file, as `real_path` has it.
        mode: of a new file; None for 0666 and the umask.
        owner: of a new file, if we may change it.

    Returns:
        Its descriptor.

    Raises:
        OSError: it can't be opened, or belongs to another user.
    """
    flags = _FLAGS if path.startswith("/proc/") else _FLAGS | _NOFOLLOW
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
    except FileExistsError:
        descriptor = os.open(path, flags)
        try:
            _check_owner(path, os.fstat(descriptor), owner)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor
    if mode is not None and hasattr(os, "fchmod"):
        os.fchmod(descriptor, mode)
    if owner is not None and os.geteuid() == 0:
        os.fchown(descriptor, *owner)
    return descriptor


def _check_owner(path: str, file: os.stat_result, owner: Owner | None) -> None:
    if not stat.S_ISREG(file.st_mode) or not hasattr(os, "geteuid"):
        return
    around = Path(path).parent.stat()
    ours = {0, os.geteuid(), around.st_uid, *(() if owner is None else owner[:1])}
    if around.st_mode & stat.S_ISVTX and around.st_mode & stat.S_IWOTH and file.st_uid not in ours:
        message = (
            "it belongs to somebody else, who could read and change it; remove it, or name "
            "another file"
        )
        raise OSError(errno.EPERM, message, path)
