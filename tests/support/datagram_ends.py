"""The far ends of datagram connections: each sends and receives datagrams, on whatever carries
them.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from pipetwist.datagram.framing import Deframer, frame

__all__ = ["DatagramEnd", "DatagramServer", "End", "FramedEnd"]

_LARGEST = 1 << 18
_BUFFER = 1 << 20


class End:
    """One end of a datagram connection.

    Args:
        opened: its socket, which is closed by whoever made this.
    """

    def __init__(self, opened: socket.socket) -> None:
        opened.setblocking(False)
        self.socket = opened
        self.came: list[bytes] = []
        self.ended = False
        self._unsent: list[bytes] = []

    def send(self, datagram: bytes) -> None:
        """Send one, as soon as there is room."""
        self._unsent.append(datagram)
        self.pump()

    @property
    def sent(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self._unsent

    def pump(self) -> None:
        """Send what waits, and take what has come."""
        try:
            while self._unsent:
                self.give(self._unsent[0])
                del self._unsent[0]
        except BlockingIOError:
            pass
        try:
            while not self.ended:
                self.take()
        except BlockingIOError:
            pass

    def give(self, datagram: bytes) -> None:
        """Send one now; raises BlockingIOError where there is no room."""
        raise NotImplementedError

    def take(self) -> None:
        """Take what has come; raises BlockingIOError where nothing has."""
        raise NotImplementedError


class DatagramEnd(End):
    """A datagram socket with one peer."""

    def give(self, datagram: bytes) -> None:
        self.socket.send(datagram)

    def take(self) -> None:
        self.came.append(self.socket.recv(_LARGEST))


class DatagramServer(End):
    """A datagram socket that answers whoever sent to it last."""

    peer: Any = None

    def give(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.peer)

    def take(self) -> None:
        data, self.peer = self.socket.recvfrom(_LARGEST)
        self.came.append(data)


class FramedEnd(End):
    """A stream socket with framed datagrams on it."""

    def __init__(self, opened: socket.socket) -> None:
        super().__init__(opened)
        self._deframer = Deframer()
        self._rest = b""

    def give(self, datagram: bytes) -> None:
        self._rest = self._rest or frame(datagram)
        while self._rest:
            self._rest = self._rest[self.socket.send(self._rest) :]

    def take(self) -> None:
        try:
            data = self.socket.recv(_LARGEST)
        except ConnectionResetError:
            data = b""
        self.ended = not data
        self.came += self._deframer.feed(data)


def datagram_socket(family: int, address: Any) -> socket.socket:
    """A datagram socket that is bound, with room for a lot."""
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    opened.bind(address)
    return opened


def abstract(path: Path) -> str:
    """A name for a test's sockets that needs no file."""
    return f"\0{path}"
