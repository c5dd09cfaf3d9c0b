"""A file that was created at a path, identified by its inode."""

from __future__ import annotations

import contextlib
import os

from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.held import Identity

__all__ = ["CreatedFile"]


class CreatedFile:
    """A file at its path. Its creator keeps the inode in use, as an open socket does, so that its
    number is not reused.

    Args:
        folder: the path of its folder, "" for the working one.
        name: its name there.
        identity: which file it is.
    """

    def __init__(self, folder: str, name: str, identity: Identity) -> None:
        self._folder = folder or os.curdir
        self._name = name
        self.identity = identity

    def __repr__(self) -> str:
        return f"<CreatedFile {self._name} in {self._folder} {self.identity}>"

    @property
    def is_gone(self) -> bool:
        """Whether the file or its folder was removed, or replaced."""
        try:
            with Folder(self._folder) as folder:
                return folder.identity(self._name) != self.identity
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:  # not known then
            return False

    def remove(self) -> None:
        """Remove it, unless it is gone.

        Raises:
            OSError: it can't be removed.
        """
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            Folder(self._folder) as folder,
        ):
            folder.remove(self._name, self.identity)
