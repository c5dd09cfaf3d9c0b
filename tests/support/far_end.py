"""A far end of a connection: it sends and receives when a test says so, and knows exactly what it
has sent and what has come.
"""

from __future__ import annotations

import random
import socket
import struct

from tests.support.tls_peer import TlsSocket

__all__ = ["FarEnd", "stream"]

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: closing resets (socket(7))
_BLOCK = random.Random(7).randbytes(1_000_003)
_ENDLESS = memoryview(_BLOCK * 2)


def stream(start: int, count: int) -> memoryview:
    """A part of the endless stream of bytes that every far end sends, at most as long as its
    period.
    """
    start %= len(_BLOCK)
    return _ENDLESS[start : start + min(count, len(_BLOCK))]


class FarEnd:
    """One far end.

    Args:
        connected: its socket, which is its from now on.
    """

    def __init__(self, connected: socket.socket | TlsSocket) -> None:
        connected.setblocking(False)
        self.socket = connected
        self.sent = 0
        """Bytes that the system has taken."""
        self.came = 0
        """Bytes that have come, all of them as they should be."""
        self.ended = False
        """Whether nothing more can come."""
        self.was_rude = False
        """Whether it has gone without waiting for the other end."""
        self.failure: OSError | None = None
        """Why nothing more could come or go, where it was no end of file."""
        self._to_send = 0
        self._finishing = False
        self._finished = False
        self._holds = False

    def ready(self) -> bool:
        """Whether it can begin, which it may have to do something for."""
        return not isinstance(self.socket, TlsSocket) or self.socket.shake_hands()

    @property
    def gone(self) -> bool:
        """Whether it is closed."""
        return self.socket.fileno() < 0

    @property
    def done(self) -> bool:
        """Whether it has nothing more to do."""
        return self.gone or (self.ended and self._finished)

    # What it is to do.

    def send(self, count: int) -> None:
        """Send so many bytes more, as they are taken."""
        if not self._finishing:
            self._to_send += count

    def hold(self) -> None:
        """Receive nothing from now on."""
        self._holds = True

    def let_go(self) -> None:
        """Receive again."""
        self._holds = False

    def finish(self) -> None:
        """Half-close once everything is sent."""
        self._finishing = True

    def close(self) -> None:
        """Go, whatever is still to be sent or received."""
        self.was_rude = self.was_rude or not self.done
        self.socket.close()

    def reset(self) -> None:
        """Go as rudely as the transport can."""
        if not self.gone:
            # With what is unread at the other end a close_notify is thrown away, as no FIN is.
            self.was_rude = self.was_rude or isinstance(self.socket, TlsSocket)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.close()

    def pump(self) -> bool:
        """Send and receive what goes now; whether that was anything."""
        return not self.gone and (self._send() | self._receive())

    # How.

    def _send(self) -> bool:
        before = self.sent
        try:
            while self._to_send:
                taken = self.socket.send(stream(self.sent, self._to_send))
                self.sent += taken
                self._to_send -= taken
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError) as error:
            self.failure = error
            self._to_send = 0
        if self._finishing and not self._to_send and not self._finished:
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except BlockingIOError:  # a close_notify takes room
                return self.sent != before
            except OSError:  # there may be nobody left
                pass
            self._finished = True
            return True
        return self.sent != before

    def _receive(self) -> bool:
        before = self.came
        while not self._holds and not self.ended:
            try:
                data = self.socket.recv(1 << 18)
            except BlockingIOError:
                break
            except ConnectionResetError as error:
                self.failure = error
                data = b""
            if data != stream(self.came, len(data)):
                message = (
                    f"other bytes than were sent came somewhere in {len(data)} after the first "
                    f"{self.came}"
                )
                raise AssertionError(message)
            self.came += len(data)
            self.ended = not data
        return self.came != before or (self.ended and not self._holds)
