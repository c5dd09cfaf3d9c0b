"""The two ends of a connection through a limited relay, and what came when."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from bench.limits.relays import Limited, free_port
from bench.listening import listens
from bench.places import TcpPlace, UnixPlace
from bench.processes import Program

__all__ = ["Figures", "measure"]

# The burst, and what is under way in the buffers of sockets, is over by then.
_BEFORE_SECONDS = 1.0
_BLOCK = bytes(1 << 16)
_PARTS = 10
_PAUSE_SECONDS = 0.002


class Figures(NamedTuple):
    """What one run has measured.

    Attributes:
        seconds: how long it took.
        total: bytes that came.
        in_200_ms: bytes in each 200 ms, those that begin at a tenth of it.
        in_2_s: the same for 2 s.
        cpu_seconds: the relay's processor time.
    """

    seconds: float
    total: int
    in_200_ms: list[int]
    in_2_s: list[int]
    cpu_seconds: float


def measure(relay: Limited, megabits: float, seconds: float, folder: Path) -> Figures:
    """Let a server send through a relay for so long.

    Args:
        relay: the relay.
        megabits: its rate.
        seconds: how long.
        folder: where its files are.

    Raises:
        MeasureError: it does not start.
    """
    paced = 0.0 if relay.limits else megabits * 125_000
    with _server(paced, folder / "out.sock" if relay.local else None) as server_port:
        port = free_port()
        place = UnixPlace(folder / "in.sock") if relay.local else TcpPlace(port)
        program = Program(relay.command(folder, port, server_port, megabits), folder)
        try:
            program.wait_until(lambda: listens(place), "listen")
            with _connected(place) as client:
                _take(client, _BEFORE_SECONDS)
                before = program.processor_seconds()
                began = time.monotonic()
                came = _take(client, seconds)
                used = program.processor_seconds() - before
                taken = time.monotonic() - began
        finally:
            program.stop()
    return Figures(
        taken, sum(count for _, count in came), _windows(came, 0.2), _windows(came, 2.0), used
    )


def _take(client: socket.socket, seconds: float) -> list[tuple[float, int]]:
    buffer = bytearray(1 << 18)
    came = []
    began = time.monotonic()
    client.settimeout(1.0)
    while (at := time.monotonic() - began) < seconds:
        with contextlib.suppress(TimeoutError):
            came.append((at, client.recv_into(buffer)))
    return came


def _windows(came: list[tuple[float, int]], seconds: float) -> list[int]:
    if not came:
        return []
    step = seconds / _PARTS
    parts = [0] * (int(came[-1][0] / step) + 1)
    for at, count in came:
        parts[int(at / step)] += count
    # The last one is not whole.
    sums = list(accumulate(parts[:-1], initial=0))
    return [after - before for before, after in zip(sums, sums[_PARTS:], strict=False)]


@contextlib.contextmanager
def _server(per_second: float, path: Path | None) -> Iterator[int]:
    """A server that sends to the first who comes, as fast as it can or at a rate; its port, 0 where
    it has a path.
    """
    with socket.socket(socket.AF_INET if path is None else socket.AF_UNIX) as listening:
        listening.bind(("127.0.0.1", 0) if path is None else str(path))
        listening.listen()
        thread = Thread(target=_send, args=(listening, per_second), daemon=True)
        thread.start()
        yield listening.getsockname()[1] if path is None else 0


def _connected(place: TcpPlace | UnixPlace) -> socket.socket:
    if isinstance(place, TcpPlace):
        return socket.create_connection(("127.0.0.1", place.port))
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(place.path))
    return client


def _send(listening: socket.socket, per_second: float) -> None:
    with contextlib.suppress(OSError):
        while True:
            connected, _ = listening.accept()
            with connected, contextlib.suppress(OSError):
                _fill(connected, per_second)


def _fill(connected: socket.socket, per_second: float) -> None:
    began, sent = time.monotonic(), 0
    while True:
        if not per_second:
            connected.sendall(_BLOCK)
            continue
        # After each piece, however small: what comes together meanwhile is one piece again.
        time.sleep(_PAUSE_SECONDS)
        while (room := int((time.monotonic() - began) * per_second) - sent) > 0:
            connected.sendall(_BLOCK[: min(room, len(_BLOCK))])
            sent += min(room, len(_BLOCK))
            if room <= len(_BLOCK):
                break
