"""A folder only for us, in a folder where others may write."""

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
    """Creates a folder with an unpredictable name, only for this user.

    Args:
        within: its parent.

    Raises:
        OSError: it can't be created, or somebody has replaced it.
    """

    def __init__(self, within: Folder) -> None:
        self._within = within
        self._name = f".{secrets.token_hex(4)}"
        os.mkdir(self._name, 0o700, dir_fd=within.descriptor)
        self.folder = Folder(self._name, within=within)
        """The folder. The caller closes it."""
        status = os.fstat(self.folder.descriptor)
        self._identity = Identity.of(status)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            self.folder.close()
            raise OSError(errno.EPERM, "somebody has exchanged a folder that was made there")

    def remove(self) -> None:
        """Remove it; it must be empty. If it was replaced, the other one stays."""
        if self._within.identity(self._name) == self._identity:
            with contextlib.suppress(OSError):
                os.rmdir(self._name, dir_fd=self._within.descriptor)
