"""A folder of ours alone, made where others may write."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat

from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.held import Identity

__all__ = ["PrivateFolder"]


class PrivateFolder:
    """Made in a folder, under a name that nobody guesses, for this user alone.

    Args:
        within: where.

    Raises:
        OSError: it can't be made, or somebody has put another in its place.
    """

    def __init__(self, within: Folder) -> None:
        self._within = within
        self._name = f".{secrets.token_hex(4)}"
        os.mkdir(self._name, 0o700, dir_fd=within.descriptor)
        self.folder = Folder(self._name, within=within)
        """The folder itself, to be closed by whoever has used it."""
        status = os.fstat(self.folder.descriptor)
        self._identity = Identity.of(status)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            self.folder.close()
            raise OSError(errno.EPERM, "somebody has exchanged a folder that was made there")

    def remove(self) -> None:
        """Remove it, which must be empty; what has come to its name instead stays."""
        if self._within.identity(self._name) == self._identity:
            with contextlib.suppress(OSError):
                os.rmdir(self._name, dir_fd=self._within.descriptor)
