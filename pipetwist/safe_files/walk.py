"""Resolves the path of a file, and follows only symbolic links of trusted users."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from pipetwist.safe_files.folder import Folder

__all__ = ["StrangersLinkError", "walk"]

_MAX_LINKS = 40  # as the kernel has it, path_resolution(7)


class StrangersLinkError(Exception):
    """A symbolic link on the path belongs to another user.

    Args:
        path: where it is.
        uid: its owner.
    """

    def __init__(self, path: str, uid: int) -> None:
        super().__init__(f"{path} is a symbolic link of user {uid}")
        self.path = path
        self.uid = uid


def walk(path: str | os.PathLike[str]) -> tuple[Folder, str]:
    """Open a file's folder, component by component, each from the descriptor of the one before.

    Links of root and of this user are followed. Those of others could lead to files that this
    process may write and their owners may not.

    Args:
        path: where it is.

    Returns:
        The folder, which the caller closes, and the file's name there, which was no link and need
        not exist.

    Raises:
        StrangersLinkError: there is one on the path.
        OSError: the folder can't be reached.
    """
    ahead = _reversed_parts(os.path.join(Path.cwd(), path))  # noqa: PTH118 - as a text
    folder = Folder(os.sep)
    links = 0
    try:
        while True:
            name = ahead.pop() if ahead else os.curdir
            target = _target(folder, name, last=not ahead)
            if target is not None:
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                ahead += _reversed_parts(target)
                if target.startswith(os.sep):
                    folder = _instead(folder, Folder(os.sep))
            elif ahead:
                folder = _instead(folder, Folder(name, within=folder))
            else:
                return folder, name
    except BaseException:
        folder.close()
        raise


def _target(folder: Folder, name: str, *, last: bool) -> str | None:
    """The target of a link; None if it is not a link."""
    try:
        held = folder.hold(name)
    except FileNotFoundError:
        if last:
            return None
        raise
    with held:
        if not stat.S_ISLNK(held.status.st_mode):
            return None
        if held.status.st_uid not in (0, os.geteuid()):
            raise StrangersLinkError(folder.under(name), held.status.st_uid)
        return held.target()


def _instead(left: Folder, entered: Folder) -> Folder:
    left.close()
    return entered


def _reversed_parts(path: str) -> list[str]:
    return [part for part in reversed(Path(path).parts) if part.strip(os.sep)]
