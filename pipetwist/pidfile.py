"""The daemon's pidfile, which twistd would open by its name, and so through any link."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from twisted.logger import Logger

from pipetwist.errors import StartError
from pipetwist.process.identity import process_exists
from pipetwist.safe_files.created import CreatedFile
from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.held import Identity
from pipetwist.safe_files.walk import StrangersLinkError, walk

__all__ = ["Pidfile"]

_NEVER_WAIT = sum(
    getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK")
)
_MAX_LENGTH = 32
_log = Logger()


class Pidfile:
    """A file with the number of this process, that somebody who may write its folder can't turn
    into another file: its folder is reached through descriptors, and it is created anew.

    Args:
        path: where it is, absolute; empty for none.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = -1
        self._created: CreatedFile | None = None

    def __repr__(self) -> str:
        return f"<Pidfile {self.path or 'none'} {self._created or 'not written'}>"

    def remove_stale(self) -> None:
        """Remove the file of a process that has ended.

        Raises:
            StartError: the process exists, or no number of one is in the file, or it can't be
                removed.
        """
        if self.path:
            with self._folder() as (folder, name):
                self._remove_stale(folder, name)

    def write(self) -> None:
        """Create the file with the number of this process.

        Raises:
            StartError: as with `remove_stale`, or it can't be created.
        """
        if not self.path:
            return
        with self._folder() as (folder, name):
            self._remove_stale(folder, name)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NEVER_WAIT
            # Kept open, so that the number of its inode is not reused.
            self._descriptor = os.open(name, flags, 0o666, dir_fd=folder.descriptor)
            identity = Identity.of(os.fstat(self._descriptor))
            self._created = CreatedFile(folder.path, name, identity)
            os.write(self._descriptor, str(os.getpid()).encode())

    def remove(self) -> None:
        """Remove the file that was written, unless another has taken its name. If it can't be
        removed, that is logged.
        """
        created, self._created = self._created, None
        if created is None:
            return
        try:
            created.remove()
        except OSError as error:
            _log.warn("can't remove the pidfile {path}: {error}", path=self.path, error=error)
        os.close(self._descriptor)

    @contextlib.contextmanager
    def _folder(self) -> Iterator[tuple[Folder, str]]:
        try:
            folder, name = walk(self.path)
            with folder:
                yield folder, name
        except StrangersLinkError as error:
            message = f"{error}, who could have it lead to any file; name the file itself"
            raise self._refusal(message) from error
        except OSError as error:
            raise self._refusal(error.strerror or str(error)) from error

    def _remove_stale(self, folder: Folder, name: str) -> None:
        try:
            descriptor = os.open(name, os.O_RDONLY | _NEVER_WAIT, dir_fd=folder.descriptor)
        except FileNotFoundError:
            return
        try:
            self._refuse_running(descriptor)
            folder.remove(name, Identity.of(os.fstat(descriptor)))
        finally:
            os.close(descriptor)

    def _refuse_running(self, descriptor: int) -> None:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            message = "it is not a regular file; --pidfile= writes none"
            raise self._refusal(message)
        text = os.read(descriptor, _MAX_LENGTH).strip()
        pid = int(text) if text.isdigit() else 0
        if not 0 < pid < 2**31:
            message = "it contains no process ID; remove it, or name another file"
            raise self._refusal(message)
        if _runs(pid):
            message = (
                f"process {pid}, whose ID it contains, is running; stop it, remove the file if it "
                "is another program, or name another file"
            )
            raise self._refusal(message)

    def _refusal(self, message: str) -> StartError:
        return StartError(f"--pidfile={self.path}: {message}")


def _runs(pid: int) -> bool:
    # In a container a process often gets the ID of the one before.
    return pid != os.getpid() and process_exists(pid)
