"""A listening unix socket, with care for the file that stands for it."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pipetwist.errors import StartError
from pipetwist.inbounds.handed_in import HandedInSocket
from pipetwist.inbounds.listening_socket import ListeningSocket
from pipetwist.values import is_abstract, unix_sockaddr

__all__ = ["UnixListeningSocket"]

_BACKLOG = 4096  # the kernel lowers it to net.core.somaxconn
# Another daemon has the lock for an instant. Who has it for longer wants something else: anybody may lock a folder that they can read.
_LOCK_SECONDS = 1.0


class UnixListeningSocket:
    """Listens on a path, whose mode is set before anybody can connect, and which goes when it is closed.

    A socket file that nobody answers at is what a crash has left, and is replaced. Anything else that stands there stays.

    Args:
        place: whose it is, for errors.
        path: the path as it is written, an abstract name as well.
        mode: the file's mode.
        owner: the name or number of the file's owner; None for ours.
        group: the name or number of the file's group; None for ours.
        kind: streams or datagrams.
        prepare: is given the socket before anybody can send to it.
        handed_in: listens there already. Its file is another's, and stays as it is.

    Raises:
        StartError: it can't listen there.
    """

    def __init__(
        self,
        place: str,
        path: str,
        mode: int,
        owner: str | int | None = None,
        group: str | int | None = None,
        *,
        kind: int = socket.SOCK_STREAM,
        prepare: Callable[[socket.socket], None] | None = None,
        handed_in: HandedInSocket | None = None,
    ) -> None:
        self._place = place
        self._path = path
        self._identity: tuple[int, int] | None = None
        self._kind = kind
        if handed_in is not None:
            self.socket = handed_in.copy()
            return
        self.socket = ListeningSocket(socket.AF_UNIX, kind)
        try:
            if prepare is not None:
                prepare(self.socket)
            if is_abstract(path):
                self.socket.bind(unix_sockaddr(path))
                self._listen()
            else:
                with _folder_locked(Path(path).parent):
                    self._listen_on_file(mode, owner, group)
        except OSError as error:
            self.socket.close()
            raise self._failure(error) from error
        except StartError:
            self.socket.close()
            raise

    def change_file(self, mode: int, owner: str | int | None = None, group: str | int | None = None) -> None:
        """Give the file another mode and other owners; nothing where there is none.

        Args:
            mode: the file's mode.
            owner: the name or number of the file's owner; None for ours.
            group: the name or number of the file's group; None for ours.

        Raises:
            StartError: the system does not allow it.
        """
        if self._identity is None:
            return
        try:
            _give(self._place, self._path, os.geteuid() if owner is None else owner, os.getegid() if group is None else group)
            Path(self._path).chmod(mode)
        except OSError as error:
            message = f"{self._place}: {self._path} can't be given the mode {mode:04o}: {error.strerror}"
            raise StartError(message) from error

    def close(self) -> None:
        """Remove the file, unless another has taken its place, and listen no more.

        Raises:
            OSError: the file stays; nobody listens there any more all the same.
        """
        identity, self._identity = self._identity, None
        try:
            with contextlib.suppress(FileNotFoundError):
                if identity is not None and _identity(self._path) == identity:
                    Path(self._path).unlink()
        finally:
            self.socket.close()

    def _listen(self) -> None:
        if self._kind == socket.SOCK_STREAM:
            self.socket.listen(_BACKLOG)

    def _listen_on_file(self, mode: int, owner: str | int | None, group: str | int | None) -> None:
        # A stream socket refuses everybody until it listens. Datagrams it takes at once, so that the file may have no other mode before.
        if self._kind != socket.SOCK_STREAM:
            os.fchmod(self.socket.fileno(), 0)
        try:
            self.socket.bind(unix_sockaddr(self._path))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            self._remove_stale()
            self.socket.bind(unix_sockaddr(self._path))
        self._identity = _identity(self._path)
        try:
            _give(self._place, self._path, owner, group)
            Path(self._path).chmod(mode)
            self._listen()
        except BaseException:
            self.close()
            raise

    def _remove_stale(self) -> None:
        if not stat.S_ISSOCK(os.lstat(self._path).st_mode):
            message = f"{self._place}: {self._path} exists and is not a socket; remove it or choose another path"
            raise StartError(message)
        with socket.socket(socket.AF_UNIX, self._kind) as probe:
            probe.setblocking(False)
            answer = probe.connect_ex(unix_sockaddr(self._path))
        if answer != errno.ECONNREFUSED:
            message = f"{self._place}: another process listens on {self._path}; stop it or choose another path"
            raise StartError(message)
        Path(self._path).unlink()

    def _failure(self, error: OSError) -> StartError:
        if error.errno == errno.EADDRINUSE:
            text = f"another process listens on {self._path}; stop it or choose another path"
        elif error.errno == errno.ENOENT:
            text = f"there is no folder {Path(self._path).parent}; make it first"
        else:
            text = f"can't listen on {self._path}: {error.strerror or error}"
        return StartError(f"{self._place}: {text}")


def _identity(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def _folder_locked(folder: Path) -> Iterator[None]:
    # Two daemons that start at once must not take each other's fresh socket, which does not answer yet, for a stale one.
    import fcntl  # there is none on Windows, where nobody gets here

    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # files may be made there, but not listed; nothing can be locked
        yield
        return
    try:
        end = time.monotonic() + _LOCK_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.005)
        yield
    finally:
        os.close(descriptor)


def _give(place: str, path: str, owner: str | int | None, group: str | int | None) -> None:
    if owner is None and group is None:
        return
    import grp
    import pwd

    try:
        uid = pwd.getpwnam(owner).pw_uid if isinstance(owner, str) else owner
    except KeyError:
        message = f"{place}: owner: the system has no user {owner!r}"
        raise StartError(message) from None
    try:
        gid = grp.getgrnam(group).gr_gid if isinstance(group, str) else group
    except KeyError:
        message = f"{place}: group: the system has no group {group!r}"
        raise StartError(message) from None
    try:
        os.chown(path, -1 if uid is None else uid, -1 if gid is None else gid, follow_symlinks=False)
    except PermissionError as error:
        wanted = ", ".join(f"{key} {value}" for key, value in (("owner", owner), ("group", group)) if value is not None)
        message = f"{place}: {path} can't be given to {wanted}: only root may give files away, or a member to its group"
        raise StartError(message) from error
