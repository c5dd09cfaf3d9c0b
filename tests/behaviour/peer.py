"""A far end of a connection through pipetwist: a client or a server that does what a test says, and
remembers what it saw.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.behaviour.channels import Channel
from tests.support.waiting import until

__all__ = ["Peer", "is_endless"]

_reactor: Any = reactor


def is_endless(received: bytearray, block: bytes, count: int) -> bool:
    """Whether they are the first so many bytes of a block that is repeated for ever."""
    return len(received) == count and all(
        received.startswith(block[: count - at], at) for at in range(0, count, len(block))
    )


@implementer(IReadDescriptor, IWriteDescriptor)
class _Descriptor:
    """One descriptor in the reactor, and who is to be called when it is ready."""

    def __init__(self, number: int, ready: Callable[[], None]) -> None:
        self.number = number
        self._ready = ready

    def fileno(self) -> int:
        return self.number

    def logPrefix(self) -> str:
        return "far end"

    def doRead(self) -> None:
        self._ready()

    def doWrite(self) -> None:
        self._ready()

    def connectionLost(self, reason: Failure) -> None:
        # The reactor takes a hang-up for the end; what has ended, and how, the next system call
        # says.
        self._ready()


class Peer:
    """A far end. It receives all the time unless it is held.

    Args:
        channel: what it speaks through.
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.received = bytearray()
        self.sent = 0
        """Bytes that the kernel or OpenSSL has taken."""
        self.ended = False
        """Whether there is nothing more to receive: after an end of file or a failure."""
        self.failure: OSError | None = None
        """Why receiving failed; None if it did not."""
        self.refused: OSError | None = None
        """Why sending failed; None if it did not."""
        self.closed = False
        self._queue = memoryview(b"")
        self._endless: bytes | None = None
        self._then: Callable[[], None] | None = None
        self._held = False
        self._reading = _Descriptor(channel.read_fd, self._receive)
        self._writing = _Descriptor(channel.write_fd, self._send)
        _reactor.addReader(self._reading)

    # What it does.

    def send(self, data: bytes) -> None:
        """Send these bytes after those before, as fast as they are taken."""
        self._queue = memoryview(bytes(self._queue) + data)
        self._send()

    def pour(self, block: bytes) -> None:
        """Send a block again and again until `stop_pouring`."""
        self._endless = block
        self._send()

    def stop_pouring(self) -> None:
        """Send nothing more; what was not taken yet is forgotten."""
        self._endless = None
        self._queue = memoryview(b"")
        _reactor.removeWriter(self._writing)

    def finish(self) -> None:
        """Half-close after what is to be sent."""
        self._after_sending(self._finish)

    def close(self) -> None:
        """Close after what is to be sent, with no regard for what may still come."""
        self._after_sending(self._close)

    def reset(self) -> None:
        """End now, rudely."""
        if not self.closed:
            self._leave()
            self.channel.reset()

    def hold(self) -> None:
        """Receive nothing from now on."""
        self._held = True
        _reactor.removeReader(self._reading)

    def let_go(self) -> None:
        """Receive again."""
        self._held = False
        if not self.ended and not self.closed:
            _reactor.addReader(self._reading)
            self._receive()

    # What it saw.

    async def has(self, count: int) -> None:
        """Wait until so many bytes were received."""
        try:
            await until(lambda: len(self.received) >= count or self.ended, f"{count} bytes")
        except AssertionError as late:
            message = f"{late}; {len(self.received)} came"
            raise AssertionError(message) from late
        if len(self.received) < count:
            message = (
                f"it ended after {len(self.received)} of {count} bytes: "
                f"{self.failure or 'end of file'}"
            )
            raise AssertionError(message)

    async def end(self) -> None:
        """Wait until there is nothing more to receive."""
        await until(lambda: self.ended, "the end of what is received")

    async def all_sent(self) -> None:
        """Wait until everything has been taken."""
        await until(lambda: not self._queue or self.refused, "what is sent to be taken")

    # How.

    def _receive(self) -> None:
        while not self._held and not self.ended and not self.closed:
            try:
                data = self.channel.receive()
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError as error:
                self.failure = error
                data = b""
            if data:
                self.received += data
            else:
                self.ended = True
                _reactor.removeReader(self._reading)
        # OpenSSL may have waited for something to receive before it could send.
        if self._queue and not self.closed:
            self._send()

    def _send(self) -> None:
        while self.refused is None and not self.closed:
            if not self._queue and self._endless is not None:
                self._queue = memoryview(self._endless)
            if not self._queue:
                break
            try:
                taken = self.channel.send(self._queue)
            except ssl.SSLWantReadError:
                return
            except (BlockingIOError, ssl.SSLWantWriteError):
                _reactor.addWriter(self._writing)
                return
            except OSError as error:
                self.refused = error
                self._queue = memoryview(b"")
            else:
                self.sent += taken
                self._queue = self._queue[taken:]
        _reactor.removeWriter(self._writing)
        if self._then is not None and not self.closed:
            then, self._then = self._then, None
            then()

    def _after_sending(self, then: Callable[[], None]) -> None:
        self._endless = None
        self._then = then
        self._send()

    def _finish(self) -> None:
        # A pipe's descriptor is closed by this, and its number may be another's soon.
        self._writing.number = -1
        self.channel.finish()

    def _close(self) -> None:
        if not self.closed:
            self._leave()
            self.channel.close()

    def _leave(self) -> None:
        self.closed = self.ended = True
        _reactor.removeReader(self._reading)
        _reactor.removeWriter(self._writing)
