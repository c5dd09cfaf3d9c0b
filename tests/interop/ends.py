"""Clients and a server that count for themselves what they send and receive, on both sides of a
daemon that may be killed at any moment.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

__all__ = ["LARGEST", "Counts", "Ends"]

LARGEST = 300_000
"""Bytes of the largest message."""

_WAIT = 60.0
_PIECE = 1 << 16


@dataclass
class Counts:
    """What the ends have seen of one daemon.

    Args:
        sent: bytes that the clients' system has taken.
        arrived: bytes that the server has received.
        answered: bytes that the clients have received.
        finished: connections that ended in order on both sides.
    """

    sent: int = 0
    arrived: int = 0
    answered: int = 0
    finished: int = 0


class Ends:
    """Both sides; the server echoes.

    Args:
        case: the test, whose clean-up ends the server.
        folder: where the sockets are: the daemon's ``in.sock``, and the server's ``out.sock``.
        choose: chooses sizes.
    """

    def __init__(self, case: SynchronousTestCase, folder: Path, choose: random.Random) -> None:
        self._inbound = str(folder / "in.sock")
        self._outbound = str(folder / "out.sock")
        self._choose = choose
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._answering: list[threading.Thread] = []
        self.counts = Counts()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._outbound)
        self._listener.listen(64)
        accepting = threading.Thread(target=self._accept)
        accepting.start()

        def end() -> None:
            self._listener.shutdown(socket.SHUT_RDWR)
            accepting.join(_WAIT)
            self._listener.close()

        case.addCleanup(end)

    def start(self, *, talking: int = 0, streaming: int = 0, finishing: int = 0) -> None:
        """Begin again, at 0.

        Args:
            talking: clients that wait for each answer before they go on, and now and then finish
                their connection and make another.
            streaming: clients that send as much as they can, and read at the same time.
            finishing: clients that talk, and finish their only connection.
        """
        self.counts = Counts()
        for step, number in (
            (self._talk, talking),
            (self._stream, streaming),
            (self._talk_once, finishing),
        ):
            for _ in range(number):
                self._begin(step, random.Random(self._choose.random()))

    def wait(self) -> Counts:
        """Wait until every client has ended, with the daemon or by itself, and every connection is
        read to its end.

        Returns:
            What was counted.
        """
        _join(self._threads)
        # What the daemon had connected is accepted before this one is.
        with socket.socket(socket.AF_UNIX) as last:
            last.settimeout(_WAIT)
            last.connect(self._outbound)
            last.shutdown(socket.SHUT_WR)
            last.recv(1)
        _join(self._answering)
        return self.counts

    def _begin(
        self, step: Callable[[socket.socket, random.Random], bool], choose: random.Random
    ) -> None:
        def go_on() -> None:
            more = True
            while more:
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(_WAIT)
                    try:
                        client.connect(self._inbound)
                    except OSError:
                        return
                    more = step(client, choose)

        thread = threading.Thread(target=go_on)
        self._threads.append(thread)
        thread.start()

    def _talk(self, client: socket.socket, choose: random.Random) -> bool:
        """Exchange messages until the daemon has gone, or some number of them; whether it is there
        still.
        """
        for _ in range(choose.randrange(1, 200)):
            size = choose.choice((1, 100, 5000, 70_000, LARGEST))
            if not self._send(client, bytes(size)) or self._read(client, size) < size:
                self._read(client)
                return False
        client.shutdown(socket.SHUT_WR)
        # Its end of file comes after all that was done for it, counting included.
        ended = self._ended(client)
        self._count(finished=ended)
        return ended

    def _talk_once(self, client: socket.socket, choose: random.Random) -> bool:
        """Exchange messages, and finish."""
        self._talk(client, choose)
        return False

    def _stream(self, client: socket.socket, choose: random.Random) -> bool:
        """Send without end, and read at the same time."""
        reading = threading.Thread(target=self._read, args=(client,))
        reading.start()
        while self._send(client, bytes(choose.randrange(1, 4 * LARGEST))):
            pass
        reading.join(_WAIT)
        return False

    def _send(self, client: socket.socket, data: bytes) -> bool:
        view = memoryview(data)
        sent = 0
        try:
            while sent < len(data):
                sent += client.send(view[sent:])
        except OSError:
            return False
        finally:
            self._count(sent=sent)
        return True

    def _read(self, client: socket.socket, most: int | None = None) -> int:
        """Read so much, or to the end: what was delivered before a kill can be read still, then
        there is an error or an end.
        """
        heard = 0
        with contextlib.suppress(ConnectionError):
            while (most is None or heard < most) and (piece := client.recv(_PIECE)):
                heard += len(piece)
                self._count(answered=len(piece))
        return heard

    def _ended(self, client: socket.socket) -> bool:
        try:
            return client.recv(1) == b""
        except ConnectionError:
            return False

    def _accept(self) -> None:
        while True:
            try:
                server, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._answer, args=(server,))
            self._answering.append(thread)
            thread.start()

    def _answer(self, server: socket.socket) -> None:
        with server, contextlib.suppress(ConnectionError):
            server.settimeout(_WAIT)
            open_ = True
            while piece := server.recv(_PIECE):
                self._count(arrived=len(piece))
                if open_:
                    try:
                        server.sendall(piece)
                    except OSError:
                        # Nobody is there to answer; what was sent can be read still.
                        open_ = False

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, count in more.items():
                setattr(self.counts, name, getattr(self.counts, name) + count)


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(_WAIT)
        assert not thread.is_alive(), "a connection did not end with the daemon"
    threads.clear()
