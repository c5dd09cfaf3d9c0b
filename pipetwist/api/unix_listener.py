"""The API's unix socket, put in its place so that its mode holds from the first moment and that no other server's is harmed.

It is made in a private folder beside, and moved from there. The path of that leads through the folder's descriptor, so that nobody can have
it made elsewhere by exchanging the folder; it is what the kernel shows (``ss -xl``), and ends in the socket's own name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable

from pipetwist.errors import StartError
from pipetwist.places.folder import Folder
from pipetwist.places.placed import PlacedFile
from pipetwist.places.private import PrivateFolder
from pipetwist.places.socket_place import PlaceTakenError, make_room

__all__ = ["UnixListener"]

_PLACE = "experimental.v2ray_api.listen"
_ATTEMPTS = 5
_BACKLOG = 4096  # the kernel lowers it to net.core.somaxconn


def _listening_at(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(path)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


class UnixListener:
    """Where a server listens on a path.

    Args:
        path: where the socket is to be, absolute.
        listening_at: makes a socket that listens on a path.
    """

    def __init__(self, path: str, listening_at: Callable[[str], socket.socket] = _listening_at) -> None:
        self._path = path
        self._folder, self._name = os.path.split(path)
        self._listening_at = listening_at
        self._file: PlacedFile | None = None

    def __repr__(self) -> str:
        return f"<UnixListener {self._path}: {self._file}>"

    def listen(self, mode: int) -> socket.socket:
        """Listen there.

        A socket of a server that is gone is replaced. Needs a file system that has hard links.

        Args:
            mode: the file's mode.

        Returns:
            The socket.

        Raises:
            StartError: the place is taken by a live server or by something that is no socket, or the folder can't be used.
        """
        try:
            with Folder(self._folder) as folder:
                with make_room(folder, self._name):
                    pass  # nothing is made before the place is free
                return self._listen(folder, mode)
        except PlaceTakenError as taken:
            if taken.by_socket:
                text = f"{self._path} is in use by another server; stop that one or choose another path"
            else:
                text = f"{self._path} exists and is not a socket; move it away or choose another path"
            message = f"{_PLACE}: {text}"
            raise StartError(message) from None
        except FileNotFoundError as error:
            message = f"{_PLACE}: there is no folder {self._folder}; make it first"
            raise StartError(message) from error
        except OSError as error:
            message = f"{_PLACE}: can't listen on unix:{self._path}: {error.strerror or error}"
            raise StartError(message) from error

    @property
    def is_gone(self) -> bool:
        """Whether the file has been removed, or its folder, or another has its name: nobody can ask any more."""
        return self._file is not None and self._file.is_gone

    def remove(self) -> None:
        """Remove the file, unless something else has its place now.

        To be called while the socket is still open: until then no other file gets its inode's number.

        Raises:
            OSError: it can't be removed.
        """
        file, self._file = self._file, None
        if file is not None:
            file.remove()

    def _listen(self, folder: Folder, mode: int) -> socket.socket:
        room = PrivateFolder(folder)
        with room.folder as private:
            try:
                listening = self._listening_at(private.path_of(self._name))
                try:
                    self._place(folder, private, mode)
                except BaseException:
                    listening.close()
                    raise
                return listening
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._name, dir_fd=private.descriptor)
                room.remove()

    def _place(self, folder: Folder, private: Folder, mode: int) -> None:
        if private.identity(self._name) is None:
            raise OSError(errno.EPERM, "somebody has exchanged a folder that was made there")
        with private.hold(self._name) as made:
            made.chmod(mode)
            self._put(folder, private)
            self._file = PlacedFile(self._folder, self._name, made.identity)

    def _put(self, folder: Folder, private: Folder) -> None:
        for _ in range(_ATTEMPTS):
            with make_room(folder, self._name), contextlib.suppress(FileExistsError):
                # Unlike a rename it never replaces a file.
                os.link(self._name, self._name, src_dir_fd=private.descriptor, dst_dir_fd=folder.descriptor, follow_symlinks=False)
                return
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
