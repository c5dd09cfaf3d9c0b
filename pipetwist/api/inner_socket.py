"""The socket that gRPC's server listens on, behind the frontend: a unix socket that nobody else can
reach.

Its file is removed as soon as it exists, and the socket is reached through a descriptor. So a crash
leaves nothing behind, and a program that removes old temporary files does not break the API.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote as percent_encoded

from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint

from pipetwist.api.callers import Callers, NamedEndpoint
from pipetwist.errors import StartError
from pipetwist.interfaces import AnyReactor
from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.held import HeldFile
from pipetwist.safe_files.private import PrivateFolder

if TYPE_CHECKING:
    from twisted.internet.interfaces import IStreamClientEndpoint

__all__ = ["InnerSocket"]

_NAME = "api"
_LOOPBACK = "127.0.0.1"
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a folder is made there that is ours; it is there where all else is read-only, as in containers


class InnerSocket:
    """Makes gRPC's server listen for the frontend only.

    Without unix sockets, as on Windows, it is a free port of the loopback address, which other
    programs on this machine can connect to as well.

    Args:
        label: what listens, for errors.
        callers: learns who each client is; None if nobody asks.
    """

    def __init__(self, label: str, callers: Callers | None = None) -> None:
        self._label = label
        self._callers = callers
        self._temporary: Folder | None = None
        self._room: PrivateFolder | None = None
        self._held: HeldFile | None = None
        self._path = ""
        self._port = 0

    def __repr__(self) -> str:
        return f"<InnerSocket {self._path or self._port}>"

    def listen(self, add_port: Callable[[str], int]) -> None:
        """Make gRPC's server listen. Successful or not, call `close` once gRPC has closed it.

        Args:
            add_port: the server's method that takes an address and returns the port.

        Raises:
            StartError: it can't listen; the text says where.
        """
        try:
            if hasattr(socket, "AF_UNIX"):
                self._listen(add_port)
            else:
                self._port = add_port(f"{_LOOPBACK}:0")
        except (OSError, RuntimeError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            message = (
                f"{self._label}: a socket of its own is needed in the folder for temporary files "
                f"(TMPDIR): {reason}"
            )
            raise StartError(message) from error

    def endpoint(self, reactor: AnyReactor) -> IStreamClientEndpoint:
        """The client endpoint that connects to it."""
        if self._callers is not None:
            return NamedEndpoint(reactor, self._path)
        if self._path:
            return UNIXClientEndpoint(reactor, self._path)
        return TCP4ClientEndpoint(reactor, _LOOPBACK, self._port)

    def close(self) -> None:
        """Close it. A second call does nothing."""
        held, self._held = self._held, None
        if held is not None:
            held.close()
        room, self._room = self._room, None
        if room is not None:
            _clear(room)
            room.folder.close()
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            temporary.close()

    def _listen(self, add_port: Callable[[str], int]) -> None:
        room = self._make_room()
        path = room.folder.path_of(_NAME)
        add_port(f"unix:{percent_encoded(path)}")
        self._held = room.folder.hold(_NAME)
        link = self._held.link
        self._path = link or path
        if link is not None:
            _clear(room)

    def _make_room(self) -> PrivateFolder:
        try:
            return self._make_room_in(tempfile.gettempdir())
        except OSError as error:
            self.close()
            try:
                return self._make_room_in(_SHARED_MEMORY)
            except OSError:
                raise error from None

    def _make_room_in(self, folder: str) -> PrivateFolder:
        self._temporary = Folder(folder)
        self._room = PrivateFolder(self._temporary)
        return self._room


def _clear(room: PrivateFolder) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_NAME, dir_fd=room.folder.descriptor)
    room.remove()
