"""An HTTP server on loopback whose pages are known beforehand, and the downloading of them."""

from __future__ import annotations

import random
import threading
from functools import lru_cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from twisted.trial.unittest import SynchronousTestCase

__all__ = ["Site", "page"]


@lru_cache(maxsize=64)  # the server makes it and the test, again and again
def page(size: int, name: str) -> bytes:
    """The page of that name: so many bytes that look random, and are others for each name."""
    return random.Random(name).randbytes(size)


class _Pages(BaseHTTPRequestHandler):
    """Answers ``/SIZE/NAME``."""

    def do_GET(self) -> None:
        """Send the page."""
        _, size, name = self.path.split("/")
        self.send_response(200)
        self.send_header("Content-Length", size)
        self.end_headers()
        self.wfile.write(page(int(size), name))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server names it
        """Say nothing: the test looks at what the client gets."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # as many as a test may open at once


class Site:
    """The running server; the test's clean-up ends it.

    Args:
        case: the test.
    """

    def __init__(self, case: SynchronousTestCase) -> None:
        server = _Server(("127.0.0.1", 0), _Pages)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        self.port: int = server.server_address[1]

        def end() -> None:
            server.shutdown()
            thread.join(60)
            server.server_close()

        case.addCleanup(end)

    def download(self, port: int, size: int, name: str, *, proxy: bool = False) -> bytes:
        """Fetch a page from a port that leads to this site, or through the HTTP proxy there."""
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        if proxy:
            connection.set_tunnel("127.0.0.1", self.port)
        try:
            connection.request("GET", f"/{size}/{name}", headers={"Connection": "close"})
            return connection.getresponse().read()
        finally:
            connection.close()
