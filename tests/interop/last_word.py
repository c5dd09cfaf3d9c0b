"""A server on loopback without TLS that ends last or first, as the client wants it, and what such
clients do.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from hashlib import sha256

from twisted.trial.unittest import SynchronousTestCase

__all__ = ["CLIENT_FIRST", "SERVER_FIRST", "UNANSWERED", "LastWord", "read_to_end"]

CLIENT_FIRST = b"client first\n"
"""How a request begins whose answer comes at its end."""
SERVER_FIRST = b"server first\n"
"""How a request begins whose answer comes at once, and whose rest comes when that has ended. So is
every other request answered whose first line is neither of these.
"""
UNANSWERED = b"unanswered\n"
"""How a request begins that has no answer but an end."""
_SECONDS = 60.0


class LastWord:
    """The running server; the test's clean-up ends it.

    Args:
        case: the test.
        page: its answer. Where that comes at the end of the request the digest of what came stands
            before it.
    """

    def __init__(self, case: SynchronousTestCase, page: bytes) -> None:
        self._page = page
        self._heard: queue.Queue[bytes | None] = queue.Queue()
        self._listening = listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = listening.getsockname()[1]
        thread = threading.Thread(target=self._accept)
        thread.start()

        def end() -> None:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(_SECONDS)
            listening.close()

        case.addCleanup(end)

    def answer(self, request: bytes) -> bytes:
        """What it says to this request."""
        if request.startswith(UNANSWERED):
            return b""
        if request.startswith(CLIENT_FIRST):
            return sha256(request).hexdigest().encode() + self._page
        return self._page

    def heard(self) -> bytes | None:
        """Wait for the end of the next connection; everything that came of it, None where it did
        not end in order.
        """
        return self._heard.get(timeout=_SECONDS)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            heard: bytes | None = None
            with client, contextlib.suppress(OSError):
                client.settimeout(_SECONDS)
                heard = self._talk(client)
            self._heard.put(heard)

    def _talk(self, client: socket.socket) -> bytes:
        begin = b""
        while not begin.endswith(b"\n"):
            piece = client.recv(1)
            if not piece:
                return begin
            begin += piece
        if begin in (CLIENT_FIRST, UNANSWERED):
            request = begin + read_to_end(client)
            client.sendall(self.answer(request))
            return request
        client.sendall(self._page)
        client.shutdown(socket.SHUT_WR)
        return begin + read_to_end(client)


def read_to_end(connected: socket.socket) -> bytes:
    """Read until the end of file.

    Raises:
        OSError: there is none, as after a reset.
    """
    pieces = []
    while piece := connected.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)
