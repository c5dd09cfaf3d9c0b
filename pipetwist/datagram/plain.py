"""The same as `pipetwist.datagram.batch`, with one system call for each datagram, for systems
without the calls for many.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from itertools import groupby
from typing import TypeAlias

from pipetwist.datagram.batch import Batch
from pipetwist.datagram.source import Source
from pipetwist.values.addresses import SocketAddress, plain_host

__all__ = ["EitherBatch", "OneDatagram", "PlainBatch"]

_CUT = int(getattr(socket, "MSG_TRUNC", 0))


class PlainBatch:
    """The datagrams that were received last.

    Args:
        count: how many at most.
        max_bytes: bytes of the largest datagram; a longer one is cut, and listed in `cut`.
        control: bytes of ancillary data, which is not read on such systems.
        name: bytes of every sender's ``sockaddr``, which Python hides.
    """

    def __init__(self, count: int, max_bytes: int, control: int = 0, name: int = 0) -> None:
        self.count = count
        self.max_bytes = max_bytes
        self.lengths: list[int] = []
        self.cut: set[int] = set()
        self._data: list[bytes] = []
        self._names: list[SocketAddress] = []

    def receive(self, opened: socket.socket, *, connected: bool, most: int = sys.maxsize) -> int:
        self._data, self._names, self.cut = [], [], set()
        most = min(self.count, most)
        while len(self._data) < most:
            try:
                if hasattr(opened, "recvmsg"):
                    data, _, flags, name = opened.recvmsg(self.max_bytes)
                else:  # Windows, where what is cut is an error
                    (data, name), flags = opened.recvfrom(self.max_bytes), 0
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                # The datagrams from before are handled first; the socket reports the error again if
                # it persists.
                if self._data:
                    break
                raise
            if flags & _CUT:
                self.cut.add(len(self._data))
            self._data.append(data)
            self._names.append(name)
        self.lengths = [len(data) for data in self._data]
        return len(self._data)

    def runs(self) -> Iterator[tuple[int, int, SocketAddress]]:
        at = 0
        for name, of_one in groupby(self._names):
            stop = at + len(list(of_one))
            yield at, stop, name
            at = stop

    def source(self, key: SocketAddress) -> Source:
        if isinstance(key, tuple):
            return Source(plain_host(key[0]), key[1], True, None, key)
        return Source(None, 0, bool(key), None, key)

    def data(self, index: int) -> bytes:
        return self._data[index]

    def send(
        self,
        opened: socket.socket,
        start: int,
        stop: int,
        target: Source | None = None,
        *,
        segments: bool = False,
    ) -> int:
        index = start
        try:
            for index in range(start, stop):
                if target is None:
                    opened.send(self._data[index])
                else:
                    opened.sendto(self._data[index], target.name)
        except OSError:
            if index == start:
                raise
            return index - start
        return stop - start

    def send_one(self, opened: socket.socket, data: bytes, target: Source) -> None:
        if len(data) > self.max_bytes:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        opened.sendto(data, target.name)


class OneDatagram(PlainBatch):
    """A batch of one datagram, which has not been received into it."""

    def __init__(self) -> None:
        super().__init__(1, 0)

    def hold(self, datagram: bytes) -> None:
        """Be this one."""
        self._data = [datagram]
        self.lengths = [len(datagram)]


EitherBatch: TypeAlias = Batch | PlainBatch
"""What datagrams are received into, with the calls that read many at once or without."""
