"""The cookie of an Extended ORPort, in a file that only the transport's user can read."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from pipetwist.plugins.extended_orport import COOKIE_BYTES

__all__ = ["CookieFile"]

_HEADER = b"! Extended ORPort Auth Cookie !\x0a"
_NAME = "cookie"
_MODE = 0o400


class CookieFile:
    """A new cookie, in a folder of its own.

    Args:
        uid: the user who may read it; None for the daemon's.

    Raises:
        OSError: it can't be made.
    """

    def __init__(self, uid: int | None) -> None:
        self.cookie = os.urandom(COOKIE_BYTES)
        """What only the transport's user can read there."""
        self._folder = tempfile.mkdtemp(prefix="pipetwist-")  # of mode 0700
        self.path = f"{self._folder}/{_NAME}"
        """The file's path."""
        # Its user may put something else in the folder's place: it is known by this.
        self._opened = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            _keep_from_aging(self._opened)
            self._write(uid)
        except OSError:
            self.remove()
            raise

    def _write(self, uid: int | None) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(_NAME, flags, _MODE, dir_fd=self._opened)
        try:
            os.write(descriptor, _HEADER + self.cookie)
            if uid is not None:
                os.fchown(descriptor, uid, -1)
                os.fchown(self._opened, uid, -1)
        finally:
            os.close(descriptor)

    def __repr__(self) -> str:
        return f"<CookieFile {self.path}>"

    def remove(self) -> None:
        """Remove the file and its folder."""
        with contextlib.suppress(OSError):  # its user may have removed it
            os.unlink(_NAME, dir_fd=self._opened)
        os.close(self._opened)
        with contextlib.suppress(OSError):
            Path(self._folder).rmdir()


def _keep_from_aging(folder: int) -> None:
    """Have systemd-tmpfiles(8) leave the folder alone, as long as it is open: a transport reads the
    cookie for each client, and there may be none for days (tmpfiles.d(5), "Age").
    """
    import fcntl  # there is none on Windows

    with contextlib.suppress(OSError):  # not every file system has such locks
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
