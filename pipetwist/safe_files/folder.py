"""An open folder, and its entries."""

from __future__ import annotations

import contextlib
import os
import secrets
from types import TracebackType
from typing import final

from pipetwist.safe_files.held import O_PATH, HeldFile, Identity

__all__ = ["Folder"]


@final
class Folder:
    """A folder by its descriptor, which stays the same whatever happens to its name. Leaving its
    context closes it.

    Args:
        path: where it is. Links on the way are followed.
        within: its parent, if the path is only its name there. A link is not followed then.

    Raises:
        OSError: it can't be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, within: Folder | None = None) -> None:
        flags = os.O_DIRECTORY | os.O_CLOEXEC | (O_PATH or os.O_RDONLY)
        if within is None:
            self.path = os.fspath(path)
            self.descriptor = os.open(path, flags)
        else:
            self.path = within.under(os.fspath(path))
            self.descriptor = os.open(path, flags | os.O_NOFOLLOW, dir_fd=within.descriptor)

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Folder {self.path} {self.descriptor}>"

    def close(self) -> None:
        """Close it. A second call does nothing."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor != -1:
            os.close(descriptor)

    def under(self, name: str) -> str:
        """The path of an entry, for people."""
        return os.path.dirname(self.path) if name == os.pardir else os.path.join(self.path, name)  # noqa: PTH118, PTH120 - these are texts

    def path_of(self, name: str) -> str:
        """A path for system calls that need one. If the system can, it leads through the
        descriptor, and is valid while that is open.
        """
        link = f"/proc/self/fd/{self.descriptor}"
        return f"{link}/{name}" if O_PATH and os.path.lexists(link) else self.under(name)

    def hold(self, name: str) -> HeldFile:
        """Hold an entry. A symbolic link itself is held, and not its target.

        Raises:
            OSError: it does not exist, or can't be reached.
        """
        return HeldFile(self.descriptor, name)

    def identity(self, name: str) -> Identity | None:
        """The identity of an entry; None if it does not exist."""
        try:
            return Identity.of(os.stat(name, dir_fd=self.descriptor, follow_symlinks=False))
        except FileNotFoundError:
            return None

    def remove(self, name: str, wanted: Identity) -> bool:
        """Remove an entry if it is this file.

        It is renamed before it is removed. If another file got its name in that moment, that one is
        put back.

        Args:
            name: the entry.
            wanted: the file's identity. Somebody has it open, so that its number is not reused.

        Returns:
            Whether it was that file.

        Raises:
            OSError: it can't be removed.
        """
        if self.identity(name) != wanted:
            return False
        aside = f".{secrets.token_hex(8)}"
        here = self.descriptor
        try:
            os.rename(name, aside, src_dir_fd=here, dst_dir_fd=here)
        except FileNotFoundError:
            return False
        if self.identity(aside) != wanted:
            self._put_back(aside, name)
            return False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside, dir_fd=here)
        return True

    def _put_back(self, aside: str, name: str) -> None:
        here = self.descriptor
        try:
            # Unlike a rename it never replaces a file.
            os.link(aside, name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
        except FileExistsError:
            pass
        except OSError:
            # there are no links to folders, nor to the special files of others (proc_sys_fs(5),
            # protected_hardlinks)
            with contextlib.suppress(OSError):
                os.rename(aside, name, src_dir_fd=here, dst_dir_fd=here)
            return
        with contextlib.suppress(OSError):
            os.unlink(aside, dir_fd=here)
