"""A unix socket for gRPC's server, put in its place so that its mode holds from the first moment and that no other server's is harmed.

gRPC by itself removes whatever socket has the path, a live server's too, gives its own the mode of the umask, and at its stop removes the
path once more, whosever it then is. So gRPC gets a path in a private folder beside, and the socket is moved from there. That path leads
through the folder's descriptor, so that nobody can have gRPC remove a socket elsewhere by exchanging the folder. What the kernel shows
(``ss -xl``) is the path that gRPC was given, which ends in the same name.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from urllib.parse import quote as percent_encoded

from pipetwist.errors import StartError
from pipetwist.places.folder import Folder
from pipetwist.places.placed import PlacedFile
from pipetwist.places.private import PrivateFolder
from pipetwist.places.socket_place import PlaceTakenError, make_room

__all__ = ["UnixListener"]

_PLACE = "experimental.v2ray_api.listen"
_ATTEMPTS = 5


class UnixListener:
    """Where a server listens on a path.

    Args:
        path: where the socket is to be, absolute.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._folder, self._name = os.path.split(path)
        self._private: Folder | None = None
        self._file: PlacedFile | None = None

    def listen(self, mode: int, add_port: Callable[[str], object]) -> None:
        """Make gRPC's server listen there.

        A socket of a server that is gone is replaced. Needs a file system that has hard links. Well or not, `close` is to be called once
        gRPC has let go of it.

        Args:
            mode: the file's mode.
            add_port: the server's method that takes an address.

        Raises:
            StartError: the place is taken by a live server or by something that is no socket, or the folder can't be used.
        """
        try:
            with Folder(self._folder) as folder:
                with make_room(folder, self._name):
                    pass  # gRPC is not asked before the place is free
                self._listen(folder, mode, add_port)
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
            message = f"{_PLACE}: can't listen on unix:{self._path}: {error.strerror}"
            raise StartError(message) from error
        except RuntimeError as error:
            message = f"{_PLACE}: can't listen on unix:{self._path}: {error}"
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

    def close(self) -> None:
        """Let go of the folder by which gRPC knows the socket. Before that gRPC removes the path that it was given."""
        private, self._private = self._private, None
        if private is not None:
            private.close()

    def _listen(self, folder: Folder, mode: int, add_port: Callable[[str], object]) -> None:
        room = PrivateFolder(folder)
        private = self._private = room.folder
        try:
            add_port(f"unix:{percent_encoded(os.fsencode(private.path_of(self._name)))}")
            if private.identity(self._name) is None:
                raise OSError(errno.EPERM, "gRPC has put its socket elsewhere")
            with private.hold(self._name) as made:
                made.chmod(mode)
                self._put(folder, private)
                self._file = PlacedFile(self._folder, self._name, made.identity)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._name, dir_fd=private.descriptor)
            room.remove()

    def _put(self, folder: Folder, private: Folder) -> None:
        for _ in range(_ATTEMPTS):
            with make_room(folder, self._name), contextlib.suppress(FileExistsError):
                # Unlike a rename it never replaces a file.
                os.link(self._name, self._name, src_dir_fd=private.descriptor, dst_dir_fd=folder.descriptor, follow_symlinks=False)
                return
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
