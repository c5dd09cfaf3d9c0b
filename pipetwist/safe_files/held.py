"""One file that is held: its owner and mode are read and changed on the file that was found, even
if another has its name meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from types import TracebackType
from typing import NamedTuple, final

__all__ = ["O_PATH", "HeldFile", "Identity"]

O_PATH: int = getattr(os, "O_PATH", 0)
"""open(2): a descriptor that identifies a file without reading or writing it. 0 if the system has
none.
"""


class Identity(NamedTuple):
    """The identity of a file, under any name, as long as it exists.

    Attributes:
        device: the number of its file system.
        inode: its number there.
    """

    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        """The identity from a file's status."""
        return cls(status.st_dev, status.st_ino)


@final
class HeldFile:
    """A file in a folder, which may be a socket or a symbolic link. Leaving its context releases
    it.

    On Linux it is held by a descriptor, and /proc has a name for it that no other file can have
    (proc(5)). Elsewhere it is checked before each change, and a link is never followed.

    Args:
        folder: the descriptor of its folder.
        name: its name there.

    Raises:
        OSError: there is none, or it can't be reached.
    """

    def __init__(self, folder: int, name: str) -> None:
        self._folder = folder
        self._name = name
        self._descriptor = (
            os.open(name, O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder) if O_PATH else -1
        )
        self.status = self._look()
        """Its status when it was found."""

    def __enter__(self) -> HeldFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release it. A second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor != -1:
            os.close(descriptor)

    def __repr__(self) -> str:
        return f"<HeldFile {self._name} {self.identity}>"

    @property
    def identity(self) -> Identity:
        """Which file it is."""
        return Identity.of(self.status)

    @property
    def is_socket(self) -> bool:
        """Whether it is a socket's file."""
        return stat.S_ISSOCK(self.status.st_mode)

    @property
    def link(self) -> str | None:
        """A path of exactly this file, for system calls that need one; None if the system has
        none.
        """
        link = f"/proc/self/fd/{self._descriptor}"
        return link if self._descriptor != -1 and os.path.lexists(link) else None

    def chown(self, uid: int, gid: int) -> None:
        """Change its owner, or its group; -1 for no change.

        Raises:
            OSError: the system does not allow it, or the file was replaced.
        """
        link = self.link
        if link is None:
            self._look_again()
            os.chown(self._name, uid, gid, dir_fd=self._folder, follow_symlinks=False)
        else:
            os.chown(link, uid, gid)

    def chmod(self, mode: int) -> None:
        """Change its mode.

        Raises:
            OSError: the system does not allow it, can't do it without following links, or the file
                was replaced.
        """
        link = self.link
        if link is not None:
            os.chmod(link, mode)  # noqa: PTH101 - its name is not a file's
            return
        self._look_again()
        try:
            os.chmod(self._name, mode, dir_fd=self._folder, follow_symlinks=False)
        except NotImplementedError:
            raise OSError(errno.ENOTSUP, "it takes /proc, which is not mounted") from None

    def target(self) -> str:
        """The target of a symbolic link.

        Raises:
            OSError: it is not a link, or was replaced.
        """
        if self._descriptor != -1:
            return os.readlink("", dir_fd=self._descriptor)
        target = os.readlink(self._name, dir_fd=self._folder)
        self._look_again()
        return target

    def _look(self) -> os.stat_result:
        if self._descriptor != -1:
            return os.fstat(self._descriptor)
        return os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)

    def _look_again(self) -> None:
        if (
            Identity.of(os.stat(self._name, dir_fd=self._folder, follow_symlinks=False))
            != self.identity
        ):
            raise OSError(errno.ESTALE, "another file has its name now")
