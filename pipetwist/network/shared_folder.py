"""Whether another user can replace a file that root has just made."""

from __future__ import annotations

import stat
from pathlib import Path

__all__ = ["shared_folder_of"]

_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def shared_folder_of(path: str) -> Path | None:
    """The folder on the way to a file of root's where another user may rename or remove what root
    has made; None if there is none. In a sticky folder nobody else may (unlink(2)).

    Args:
        path: the file, which need not exist.
    """
    folder = Path(path).absolute().parent.resolve()
    for one in (folder, *folder.parents):
        try:
            status = one.stat()
        except OSError:  # who opens the file says so
            continue
        shared = status.st_mode & _OTHERS and not status.st_mode & stat.S_ISVTX
        if status.st_uid != 0 or shared:
            return one
    return None
