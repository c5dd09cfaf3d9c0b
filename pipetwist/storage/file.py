"""The file of counters: opened or created, locked, read, and replaced as a whole.

It is locked with flock(2). The lock belongs to the open file, so it survives the fork of a process
that becomes a daemon, and ends with the last process that has the file open, however that ends.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
import time
from collections.abc import Generator
from pathlib import Path

from pipetwist.errors import StoreError
from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.walk import StrangersLinkError, walk
from pipetwist.storage.layout import build
from pipetwist.storage.store_file import StoreFile

if sys.platform != "win32":
    import fcntl

__all__ = ["is_locked", "open_file", "open_to_read", "replace_file"]

_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
# A reader holds the lock for a moment, and so may a command that a killed daemon was just starting.
_LOCK_TRIES = 20
_LOCK_PAUSE = 0.05


@contextlib.contextmanager
def _explained(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        message = f"{path}: the file can't be used: {error.strerror}"
        raise StoreError(message) from error


def open_file(path: str | os.PathLike[str], *, create: bool) -> StoreFile:
    """Open a file of counters to write it, and lock it.

    Other users can't choose the file: their symbolic links are not followed, and in a folder with
    the sticky bit, such as /tmp, a file of another user is refused.

    Args:
        path: where it is.
        create: whether to create it if it does not exist.

    Raises:
        StoreError: it can't be used.
    """
    with _folder_of(path, wanted=create) as (folder, name), _explained(Path(folder.under(name))):
        while True:
            try:
                file = _open_there(folder, name)
            except FileNotFoundError:
                if not create:
                    raise
                _create(folder, name)
                continue
            try:
                _lock(file)
                if folder.identity(name) == file.identity():
                    return file
            except BaseException:
                file.close()
                raise
            # It was replaced between the two.
            file.close()


@contextlib.contextmanager
def _folder_of(
    path: str | os.PathLike[str], *, wanted: bool = False
) -> Generator[tuple[Folder, str]]:
    real = Path(os.path.realpath(path))
    try:
        with _explained(real):
            folder, name = walk(path)
    except StrangersLinkError as error:
        message = (
            f"{path}: {error}, who could redirect it; write the path {real} itself, or choose "
            "another"
        )
        raise StoreError(message) from None
    except StoreError as error:
        if wanted and isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError)):
            message = (
                f"{real}: there is no folder {real.parent} for the counters; make it, or choose "
                "another path"
            )
            raise StoreError(message) from None
        raise
    with folder:
        yield folder, name


def open_to_read(path: str | os.PathLike[str]) -> StoreFile:
    """Open a file of counters for reading, in use or not.

    Raises:
        StoreError: it can't be used.
    """
    real = Path(os.path.realpath(path))
    with _explained(real):
        return _usable(real, os.open(real, os.O_RDONLY | _FLAGS))


def is_locked(file: StoreFile) -> bool:
    """Whether another process uses the file now."""
    if not _locks(file, fcntl.LOCK_SH):
        return True
    fcntl.flock(file.descriptor, fcntl.LOCK_UN)
    return False


def replace_file(file: StoreFile, data: bytes) -> None:
    """Replace this file, which is locked, by another: after a crash either the old or the new one
    is there.

    Raises:
        StoreError: it can't be created; the old file is unchanged.
    """
    with _folder_of(file.path) as (folder, name), _explained(file.path):
        if folder.identity(name) != file.identity():
            raise OSError(errno.ESTALE, "it has been removed or replaced")
        old = os.fstat(file.descriptor)
        new, beside = _write_beside(folder, name, data)
        try:
            if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(new, old.st_uid, old.st_gid)
            os.fchmod(new, stat.S_IMODE(old.st_mode))
            os.replace(beside, name, src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)
        except BaseException:
            os.unlink(beside, dir_fd=folder.descriptor)
            raise
        finally:
            os.close(new)
        _sync_folder(folder)


def _open_there(folder: Folder, name: str) -> StoreFile:
    path = Path(folder.under(name))
    file = _usable(
        path,
        os.open(name, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | _FLAGS, dir_fd=folder.descriptor),
    )
    theirs, around = os.fstat(file.descriptor), os.fstat(folder.descriptor)
    if around.st_mode & stat.S_ISVTX and theirs.st_uid not in (0, os.geteuid(), around.st_uid):
        file.close()
        message = (
            f"{path}: the file is that of user {theirs.st_uid}, in a folder where others may "
            "write; choose another path"
        )
        raise StoreError(message)
    return file


def _usable(path: Path, descriptor: int) -> StoreFile:
    file = StoreFile(path, descriptor)
    if sys.byteorder != "little":
        file.close()
        message = (
            f"{path}: counters can be in a file on little-endian machines only; leave the key "
            "store out"
        )
        raise StoreError(message)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        message = f"{path}: this is no file; choose another path for the counters"
        raise StoreError(message)
    return file


def _create(folder: Folder, name: str) -> None:
    """Create an empty file. It gets its name when all of it is on the disk, and never replaces
    another.
    """
    new, beside = _write_beside(folder, name, build([]))
    os.close(new)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(
                beside,
                name,
                src_dir_fd=folder.descriptor,
                dst_dir_fd=folder.descriptor,
                follow_symlinks=False,
            )
    finally:
        os.unlink(beside, dir_fd=folder.descriptor)
    _sync_folder(folder)


def _write_beside(folder: Folder, name: str, data: bytes) -> tuple[int, str]:
    beside = f".{name}.{secrets.token_hex(4)}.new"
    descriptor = os.open(
        beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600, dir_fd=folder.descriptor
    )
    try:
        StoreFile(Path(folder.under(beside)), descriptor).write(0, data)
        os.fsync(descriptor)
    except BaseException:
        os.close(descriptor)
        os.unlink(beside, dir_fd=folder.descriptor)
        raise
    return descriptor, beside


def _lock(file: StoreFile) -> None:
    for _ in range(_LOCK_TRIES):
        if _locks(file, fcntl.LOCK_EX):
            return
        time.sleep(_LOCK_PAUSE)
    message = f"{file.path}: a running daemon uses this file; stop it first, or choose another path"
    raise StoreError(message)


def _locks(file: StoreFile, how: int) -> bool:
    try:
        fcntl.flock(file.descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync_folder(folder: Folder) -> None:
    descriptor = os.open(os.curdir, os.O_RDONLY, dir_fd=folder.descriptor)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
