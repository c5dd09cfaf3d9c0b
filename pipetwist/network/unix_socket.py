"""A listening unix socket, and its file."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

from pipetwist.accounts import Accounts
from pipetwist.errors import StartError
from pipetwist.network.inherited import InheritedSocket
from pipetwist.network.listening_socket import BACKLOG, ListeningSocket
from pipetwist.safe_files.created import CreatedFile
from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.held import HeldFile
from pipetwist.safe_files.socket_path import PathTakenError, remove_stale_socket
from pipetwist.values import is_abstract, unix_sockaddr

__all__ = ["UnixListeningSocket"]

_ATTEMPTS = 5
# The file's mode until it is known to be ours: only this user can send datagrams, and a file that a
# crash leaves can still be recognized as stale.
_FIRST_MODE = 0o200


class UnixListeningSocket:
    """Listens on a path. Its mode is set before anybody can connect, and its file is removed when
    it is closed.

    A socket file without a process is left from a crash, and is replaced. Any other file stays, and
    is an error. Other users who may write in the folder can remove or replace the file, but can't
    make us change another file.

    Args:
        label: its owner, for errors.
        path: the path, or abstract name, as it is written.
        mode: the file's mode.
        owner: the name or number of the file's owner; None for ours.
        group: the name or number of the file's group; None for ours.
        kind: streams or datagrams.
        prepare: is called with the socket before anybody can send to it.
        inherited: the inherited socket that listens there. Its file belongs to somebody else, and
            is not changed.
        accounts: finds owners and groups by name; None to ask the system.

    Raises:
        StartError: it can't listen there.
    """

    def __init__(
        self,
        label: str,
        path: str,
        mode: int,
        owner: str | int | None = None,
        group: str | int | None = None,
        *,
        kind: int = socket.SOCK_STREAM,
        prepare: Callable[[socket.socket], object] | None = None,
        inherited: InheritedSocket | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        self._label = label
        self._accounts = accounts or Accounts()
        self._path = path
        self._folder, self._name = os.path.split(path)
        self._file: CreatedFile | None = None
        self._kind = kind
        if inherited is not None:
            self.socket = inherited.copy()
            return
        self.socket = ListeningSocket(socket.AF_UNIX, kind)
        try:
            if prepare is not None:
                prepare(self.socket)
            if is_abstract(path):
                self.socket.bind(unix_sockaddr(path))
                self._listen()
            else:
                with Folder(self._folder or os.curdir) as held:
                    self._listen_on_file(held, mode, owner, group)
        except OSError as error:
            self.socket.close()
            raise self._failure(error) from error
        except StartError:
            self.socket.close()
            raise

    def __repr__(self) -> str:
        return f"<UnixListeningSocket {self._path}: {self._file}>"

    @property
    def is_gone(self) -> bool:
        """Whether the file or its folder was removed, or replaced: nobody can connect any more."""
        return self._file is not None and self._file.is_gone

    def change_file(
        self, mode: int, owner: str | int | None = None, group: str | int | None = None
    ) -> None:
        """Give the file another mode and other owners. Does nothing if there is no file.

        Args:
            mode: the file's mode.
            owner: the name or number of the file's owner; None for ours.
            group: the name or number of the file's group; None for ours.

        Raises:
            StartError: the system does not allow it.
        """
        if self._file is None:
            return
        try:
            with Folder(self._folder or os.curdir) as folder, folder.hold(self._name) as held:
                if held.identity != self._file.identity:
                    message = (
                        f"{self._label}: {self._path} is not its socket any more, and was not "
                        "removed"
                    )
                    raise StartError(message)
                self._give(
                    held,
                    os.geteuid() if owner is None else owner,
                    os.getegid() if group is None else group,
                )
                held.chmod(mode)
        except OSError as error:
            message = (
                f"{self._label}: {self._path} can't be given the mode {mode:04o}: {error.strerror}"
            )
            raise StartError(message) from error

    def remove(self) -> None:
        """Remove the file, unless it was replaced, so that nobody can connect. A second call does
        nothing.

        Raises:
            OSError: the file can't be removed.
        """
        file, self._file = self._file, None
        if file is not None:
            file.remove()

    def close(self) -> None:
        """Remove the file, and stop listening.

        Raises:
            OSError: the file can't be removed; the socket is closed all the same.
        """
        try:
            self.remove()
        finally:
            self.socket.close()

    def _listen(self) -> None:
        if self._kind == socket.SOCK_STREAM:
            self.socket.listen(BACKLOG)

    def _listen_on_file(
        self, folder: Folder, mode: int, owner: str | int | None, group: str | int | None
    ) -> None:
        # On systems other than Linux the mode of the socket is not that of its file.
        with contextlib.suppress(OSError):
            os.fchmod(self.socket.fileno(), _FIRST_MODE)
        # The socket is bound to the name as it is written, since clients and tools see it; from
        # then on descriptors are used.
        try:
            self.socket.bind(self._path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            self._bind_over_stale(folder)
        with self._fresh(folder) as held:
            self._file = CreatedFile(self._folder, self._name, held.identity)
            try:
                self._give(held, owner, group)
                held.chmod(mode)
                self._listen()
            except BaseException:
                self.close()
                raise

    def _bind_over_stale(self, folder: Folder) -> None:
        try:
            for _ in range(_ATTEMPTS):
                with remove_stale_socket(folder, self._name):
                    try:
                        self.socket.bind(self._path)
                    except OSError as error:
                        # A file that another process has put there since may be stale as well.
                        if error.errno != errno.EADDRINUSE:
                            raise
                    else:
                        return
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        except PathTakenError as taken:
            if taken.by_socket:
                text = f"another process listens on {self._path}; stop it or choose another path"
            else:
                text = f"{self._path} exists and is not a socket; remove it or choose another path"
            message = f"{self._label}: {text}"
            raise StartError(message) from None

    def _fresh(self, folder: Folder) -> HeldFile:
        """Open the file that bind has made. The kernel does not say which file it is, but only that
        one can look like this.
        """
        with contextlib.suppress(FileNotFoundError):
            held = folder.hold(self._name)
            status = held.status
            if (
                held.is_socket
                and status.st_uid == os.geteuid()
                and status.st_nlink == 1
                and not status.st_mode & self._foreign_bits
            ):
                return held
            held.close()
        message = (
            f"{self._label}: somebody has put another file in the place of {self._path}; choose a "
            "folder where only you can write"
        )
        raise StartError(message)

    @property
    def _foreign_bits(self) -> int:
        """The mode bits that the new file can't have."""
        return (
            0o777 & ~_FIRST_MODE
            if os.fstat(self.socket.fileno()).st_mode & 0o777 == _FIRST_MODE
            else 0
        )

    def _give(self, held: HeldFile, owner: str | int | None, group: str | int | None) -> None:
        if owner is None and group is None:
            return
        uid, gid = self._accounts.numbers_of(self._label, owner, group)
        try:
            held.chown(uid, gid)
        except PermissionError as error:
            wanted = ", ".join(
                f"{key} {value}"
                for key, value in (("owner", owner), ("group", group))
                if value is not None
            )
            message = (
                f"{self._label}: {self._path} can't be given to {wanted}: only root may give "
                "files away, or a member to its group"
            )
            raise StartError(message) from error

    def _failure(self, error: OSError) -> StartError:
        if error.errno == errno.EADDRINUSE:
            text = f"another process listens on {self._path}; stop it or choose another path"
        elif error.errno == errno.ENOENT:
            text = f"there is no folder {Path(self._path).parent}; make it first"
        else:
            text = f"can't listen on {self._path}: {error.strerror or error}"
        return StartError(f"{self._label}: {text}")
