"""A transport in memory that runs Twisted's own code for descriptors: buffers, producers,
half-close and close are the real ones.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    IProtocol,
    IReactorFDSet,
)
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.task import Clock
from twisted.internet.tcp import Server as TcpServer
from twisted.internet.unix import Server as UnixServer
from twisted.python.failure import Failure
from zope.interface import alsoProvides

__all__ = ["MemoryReactor", "MemoryTransport", "TurningReactor", "ready"]

# As select(2) counts them.
_TO_READ = select.POLLIN | select.POLLHUP | select.POLLERR
_TO_WRITE = select.POLLOUT | select.POLLERR


def ready(
    readers: Sequence[Any], writers: Sequence[Any], seconds: float
) -> tuple[list[Any], list[Any]]:
    """What can be read and what can be written, as select(2) says it, which takes no descriptor
    above 1023.

    Raises:
        OSError: a descriptor is closed.
    """
    events: dict[int, int] = {}
    for wanted, ones in ((select.POLLIN, readers), (select.POLLOUT, writers)):
        for one in ones:
            events[one.fileno()] = events.get(one.fileno(), 0) | wanted
    poll = select.poll()
    for descriptor, wanted in events.items():
        poll.register(descriptor, wanted)
    found = dict(poll.poll(seconds * 1000))
    if any(came & select.POLLNVAL for came in found.values()):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    readable = [one for one in readers if found.get(one.fileno(), 0) & _TO_READ]
    return readable, [one for one in writers if found.get(one.fileno(), 0) & _TO_WRITE]


class MemoryReactor:
    """Knows who wants to read and who wants to write."""

    def __init__(self) -> None:
        self.readers: set[object] = set()
        self.writers: set[object] = set()
        self.addReader = self.readers.add
        self.addWriter = self.writers.add
        self.removeReader = self.readers.discard
        self.removeWriter = self.writers.discard


class TurningReactor(Clock, MemoryReactor):
    """Reads and writes what can be, of the system's own descriptors, when the test says so."""

    def __init__(self) -> None:
        Clock.__init__(self)
        MemoryReactor.__init__(self)
        alsoProvides(self, IReactorFDSet)

    def turn(self) -> int:
        """Read and write once what can be; how many that were."""
        readers: list[Any] = list(self.readers)
        writers: list[Any] = list(self.writers)
        readable, writable = ready(readers, writers, 0)
        for one in readable:
            self._handle(one, one.doRead, reading=True)
        for one in writable:
            self._handle(one, one.doWrite, reading=False)
        return len(readable) + len(writable)

    def adoptStreamConnection(self, descriptor: int, family: int, factory: Any) -> Any:
        """See `IReactorSocket`: a transport of Twisted's for a socket."""
        if family == getattr(socket, "AF_UNIX", None):
            return UnixServer._fromConnectedSocket(descriptor, factory, self)
        return TcpServer._fromConnectedSocket(descriptor, family, factory, self)

    def _handle(self, one: Any, do: Any, *, reading: bool) -> None:
        why = do() if one.fileno() >= 0 else None
        if why is None:
            return
        # What twisted.internet.posixbase does where a descriptor has ended.
        self.removeReader(one)
        if reading and isinstance(why, ConnectionDone) and IHalfCloseableDescriptor.providedBy(one):
            one.readConnectionLost(Failure(why))
        else:
            self.removeWriter(one)
            one.connectionLost(Failure(why))


class MemoryTransport(FileDescriptor):
    """A stream transport whose system is the test.

    Args:
        protocol: the protocol, which is connected at once.
        number: the descriptor's.
    """

    def __init__(self, protocol: IProtocol, number: int = 99) -> None:
        self.memory = MemoryReactor()
        super().__init__(self.memory)  # type: ignore[arg-type]  # of a reactor it has what a descriptor uses
        self.connected = 1
        self.protocol: Any = protocol
        self.number = number
        self.room = 0
        """How many bytes the system takes."""
        self.taken = b""
        """What it has taken."""
        self.shut = False
        """Whether the end of file was sent."""
        self.startReading()
        protocol.makeConnection(self)

    # What the test does.

    @property
    def reading(self) -> bool:
        """Whether it waits for something to read."""
        return self in self.memory.readers

    def receive(self, data: bytes) -> None:
        """The peer's bytes are read, as they are where the transport waits for them."""
        assert self.reading, "nothing is read from a transport that does not wait for it"
        self.protocol.dataReceived(data)

    def receive_end(self) -> None:
        """The peer's end of file is read."""
        assert self.reading, "nothing is read from a transport that does not wait for it"
        self.stopReading()
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.readConnectionLost()
        else:
            self.connectionLost(Failure(CONNECTION_DONE))

    def take(self, room: int = 1 << 30) -> None:
        """The system takes so much of what was written, in as many turns as that needs."""
        self.room = room
        while self in self.memory.writers:
            before = self.room
            outcome = self.doWrite()
            if isinstance(outcome, Exception):
                self.connectionLost(Failure(outcome))
            elif self.room in (0, before):
                break
        self.room = 0

    # What Twisted's transports of sockets do over their system.

    def fileno(self) -> int:
        """The descriptor's number."""
        return self.number

    def writeSomeData(self, data: bytes) -> int | BaseException:
        """Take what there is room for."""
        count = min(self.room, len(data))
        self.room -= count
        self.taken += bytes(data[:count])
        return count

    def _closeWriteConnection(self) -> None:
        self.shut = True
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.writeConnectionLost()

    def abortConnection(self) -> None:
        if not self.disconnected:
            self.connectionLost(Failure(ConnectionAborted()))

    def connectionLost(self, reason: Failure) -> None:
        """Both ways are over."""
        super().connectionLost(reason)
        self.protocol.connectionLost(reason)
