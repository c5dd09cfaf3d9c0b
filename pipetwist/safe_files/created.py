"""A file that was made at a path, known again by which file it is."""

from __future__ import annotations

import contextlib
import os

from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.held import Identity

__all__ = ["CreatedFile"]


class CreatedFile:
    """A file at its path. Whoever made it keeps it from being freed, as an open socket does, so
    that no other gets its number.

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
        """Whether it has been removed, or its folder, or another has its name."""
        try:
            with Folder(self._folder) as folder:
                return folder.identity(self._name) != self.identity
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:  # nothing is known then
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
