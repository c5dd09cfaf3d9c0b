"""A unix socket for gRPC's server, put in its place so that its mode holds from the first moment and that no other server's is harmed.

gRPC by itself removes whatever socket has the path, a live server's too, gives its own the mode of the umask, and at its stop removes the
path once more, whosever it then is. So gRPC gets a path in a private folder beside, and the socket is moved from there. What the kernel
shows (``ss -xl``) is the path that gRPC was given, which ends in the same name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote as percent_encoded

from pipetwist.errors import StartError

__all__ = ["SocketFile", "listen_unix"]

_PLACE = "experimental.v2ray_api.listen"
_LONGEST = 107  # sockaddr_un, unix(7)
_ATTEMPTS = 5


class SocketFile:
    """The file of a socket that listens.

    Args:
        path: where it stands.
        identity: its device and inode.
    """

    def __init__(self, path: Path, identity: tuple[int, int]) -> None:
        self._path = path
        self._identity = identity

    def remove(self) -> None:
        """Remove the file, unless something else has its place now.

        To be called while the socket is still open: until then no other file gets its inode's number.
        """
        try:
            if _identity(self._path.lstat()) == self._identity:
                self._path.unlink()
        except FileNotFoundError:
            pass


def listen_unix(path: str, mode: int, add_port: Callable[[str], object]) -> SocketFile:
    """Make gRPC's server listen on a unix socket.

    A socket of a server that is gone is replaced. Needs a file system that has hard links.

    Args:
        path: where the socket is to be, absolute.
        mode: the file's mode.
        add_port: the server's method that takes an address.

    Raises:
        StartError: the place is taken by a live server or by something that is no socket, or the folder can't be used.
    """
    place = Path(path)
    try:
        _make_room(place)
        with _private_path(place) as (made, short):
            add_port(f"unix:{percent_encoded(os.fsencode(short))}")
            made.chmod(mode)
            identity = _identity(made.lstat())
            _put(made, place)
    except FileNotFoundError as error:
        message = f"{_PLACE}: there is no folder {place.parent}; make it first"
        raise StartError(message) from error
    except OSError as error:
        message = f"{_PLACE}: can't listen on unix:{path}: {error.strerror}"
        raise StartError(message) from error
    except RuntimeError as error:
        message = f"{_PLACE}: can't listen on unix:{path}: {error}"
        raise StartError(message) from error
    return SocketFile(place, identity)


@contextlib.contextmanager
def _private_path(place: Path) -> Iterator[tuple[Path, Path]]:
    """A path of the same name in a folder of ours alone beside, and the same path again in a form that is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix=".", dir=place.parent) as folder:
        made = Path(folder, place.name)
        if len(os.fsencode(made)) <= _LONGEST:
            yield made, made
            return
        with tempfile.TemporaryDirectory() as elsewhere:
            link = Path(elsewhere, "d")
            link.symlink_to(folder)
            yield made, link / place.name


def _put(made: Path, place: Path) -> None:
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(FileExistsError):
            os.link(made, place)  # unlike a rename it never replaces a file
            return
        _make_room(place)
    raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))


def _make_room(place: Path) -> None:
    """Remove a socket that nobody answers at; nothing else.

    Raises:
        StartError: something stays there.
    """
    try:
        found = place.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        message = f"{_PLACE}: {place} exists and is not a socket; move it away or choose another path"
        raise StartError(message)
    if _answers(place):
        message = f"{_PLACE}: {place} is in use by another server; stop that one or choose another path"
        raise StartError(message)
    with tempfile.TemporaryDirectory(prefix=".", dir=place.parent) as name:
        # Moved before it is removed: should another server have put its own there since, that one is put back.
        moved = Path(name, "s")
        with contextlib.suppress(FileNotFoundError):
            place.rename(moved)
            now = moved.lstat()
            # Nobody holds a stale socket open, so that its inode's number may have been given to the new one; the time differs then.
            if (_identity(now), now.st_mtime_ns) != (_identity(found), found.st_mtime_ns):
                os.link(moved, place)


def _answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(place))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except BlockingIOError:
            return True  # its backlog is full
    return True


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
