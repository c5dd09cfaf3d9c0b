"""The daemon's ends of a command's pipes."""

from __future__ import annotations

import errno
import os
from typing import Protocol

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python.failure import Failure

from pipetwist.process.pipe_ends import held_bytes

__all__ = ["PipeOwner", "PipeReader", "PipeWriter"]

_READ_SIZE = 65536  # a pipe's default size, pipe(7)


class PipeOwner(Protocol):
    """The owner of the pipes."""

    def data_read(self, name: int, data: bytes) -> None:
        """Bytes were read."""

    def pipe_ended(self, name: int) -> None:
        """A pipe has ended; its descriptor is closed."""


class PipeReader(FileDescriptor):
    """Reads a command's output.

    Args:
        reactor: reads descriptors.
        owner: gets what is read.
        name: the command's number for this pipe.
        descriptor: the end to read.
    """

    def __init__(
        self, reactor: IReactorFDSet, owner: PipeOwner, name: int, descriptor: int
    ) -> None:
        super().__init__(reactor)
        self.connected = 1
        self._owner = owner
        self._name = name
        self._descriptor = descriptor
        self._paused = False
        self._left: int | None = None

    def fileno(self) -> int:
        """The descriptor, -1 once closed."""
        return self._descriptor

    def doRead(self) -> BaseException | None:
        """Read once."""
        if self._left == 0:
            return CONNECTION_DONE
        try:
            data = os.read(
                self._descriptor, _READ_SIZE if self._left is None else min(_READ_SIZE, self._left)
            )
        except BlockingIOError:
            return None if self._left is None else CONNECTION_DONE
        except OSError:
            return CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        if self._left is not None:
            self._left -= len(data)
        self._owner.data_read(self._name, data)
        return None

    def pause(self) -> None:
        """Read no more for now."""
        self._paused = True
        self.stopReading()

    def resume(self) -> None:
        """Continue reading."""
        self._paused = False
        if self._left is not None:
            self._drain_on()
        elif self.connected:
            self.startReading()

    def drain(self) -> None:
        """The command has exited: read what the pipe holds now, unless reading is paused, and take
        that for the end.

        What a descendant writes from now on is not read: that might never end.
        """
        if self.connected:
            self._left = held_bytes(self._descriptor)
            self.stopReading()
            self._drain_on()

    def _drain_on(self) -> None:
        # If nothing is left there is nothing to hold back: this notices the end of a command even
        # while reading from it is paused.
        while self.connected and (not self._paused or not self._left):
            over = self.doRead()
            if over is not None:
                self.connectionLost(Failure(over))

    def loseConnection(self) -> None:
        """Read nothing more."""
        if self.connected:
            self.connectionLost(Failure(CONNECTION_DONE))

    def connectionLost(self, reason: Failure) -> None:
        """Close the descriptor and notify the owner."""
        if not self.connected:
            return
        super().connectionLost(reason)
        os.close(self._descriptor)
        self._descriptor = -1
        self._owner.pipe_ended(self._name)


class PipeWriter(FileDescriptor):
    """Writes to a command's standard input.

    Args:
        reactor: writes descriptors.
        owner: is notified of the end.
        name: the command's number for this pipe.
        descriptor: the end to write.
    """

    def __init__(
        self, reactor: IReactorFDSet, owner: PipeOwner, name: int, descriptor: int
    ) -> None:
        super().__init__(reactor)
        self.connected = 1
        self._owner = owner
        self._name = name
        self._descriptor = descriptor

    def fileno(self) -> int:
        """The descriptor, -1 once closed."""
        return self._descriptor

    def writeSomeData(self, data: bytes) -> int | BaseException:
        """Write what the pipe has room for."""
        if not data:
            return 0
        try:
            return os.write(self._descriptor, data)
        except OSError as error:
            return 0 if error.errno in (errno.EAGAIN, errno.EINTR) else CONNECTION_LOST

    def stop(self) -> None:
        """The command reads no more: drop what was not written."""
        if self.connected:
            self.connectionLost(Failure(CONNECTION_DONE))

    def connectionLost(self, reason: Failure) -> None:
        """Close the descriptor and notify the owner."""
        if not self.connected:
            return
        super().connectionLost(reason)
        os.close(self._descriptor)
        self._descriptor = -1
        self._owner.pipe_ended(self._name)
