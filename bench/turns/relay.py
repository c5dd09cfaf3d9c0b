"""Takes the time of the relay's turns alone: a program that is given a checkout by PYTHONPATH, and
prints microseconds.

One thread plays the client, the relay and the server in turns, and only the relay's turns are
timed, by the thread's own processor clock: other programs hardly disturb it, so that two checkouts
can be compared to a percent on a busy machine.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import epollreactor
from twisted.internet.main import installReactor

_MESSAGE = b"x" * 64
_AT_ONCE = 8
_WARM_UP = 300


class Turns:
    """A relay between a client and a server of this thread's own.

    Args:
        kind: of the sockets on both sides, ``unix`` or ``tcp``.
        folder: for unix sockets.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        self._family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
        self._server = socket.socket(self._family)
        self._server.bind(str(folder / "server") if kind == "unix" else ("127.0.0.1", 0))
        self._server.listen(1024)
        self._entrance, self._tree, reactor = _relay(kind, folder, self._server.getsockname())
        from pipetwist.kernel.poller import Poller

        (self._poller,) = (reader for reader in reactor.getReaders() if isinstance(reader, Poller))
        # What it would look for while it spins is done by this thread.
        vars(sys.modules[Poller.__module__])["_SPIN_SECONDS"] = 0.0

    def connection(self) -> float:
        """Nanoseconds of the relay for a connection that brings a message, takes one back and is
        closed.
        """
        clients = self._clients()
        total = self._turn()
        servers = self._servers()
        for server in servers:
            server.send(_MESSAGE)
        total += self._turn()
        for client in clients:
            _expect(client, _MESSAGE)
            client.close()
        total += self._turn()
        for server in servers:
            _expect(server, b"")
            server.close()
        total += self._turn()
        if self._tree.relay.open_connections:
            total += self._turn()
        return total / _AT_ONCE

    def round_trips(self) -> Callable[[], float]:
        """Open connections.

        Returns:
            Gives nanoseconds of the relay for a message there and one back.
        """
        clients = self._clients()
        self._turn()
        servers = self._servers()

        def round_trip() -> float:
            for client in clients:
                client.send(_MESSAGE)
            total = self._turn()
            for server in servers:
                _expect(server, _MESSAGE)
                server.send(_MESSAGE)
            total += self._turn()
            for client in clients:
                _expect(client, _MESSAGE)
            return total / _AT_ONCE

        return round_trip

    def _clients(self) -> list[socket.socket]:
        clients = [socket.socket(self._family) for _ in range(_AT_ONCE)]
        for client in clients:
            client.connect(self._entrance)
            client.send(_MESSAGE)
        return clients

    def _servers(self) -> list[socket.socket]:
        servers = [self._server.accept()[0] for _ in range(_AT_ONCE)]
        for server in servers:
            _expect(server, _MESSAGE)
        return servers

    def _turn(self) -> int:
        began = time.thread_time_ns()
        self._poller.doRead()
        return time.thread_time_ns() - began


def _relay(kind: str, folder: Path, server: Any) -> tuple[Any, Any, Any]:
    """Start one in this process; where it listens, the tree of its services, and its reactor, which
    does not run.
    """
    reactor: Any = epollreactor.EPollReactor()
    installReactor(reactor)
    from pipetwist.config.reading import parse_document
    from pipetwist.service.tree import PipetwistService

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
    if kind == "unix":
        inbound, outbound = {"path": str(folder / "in")}, {"path": server}
        entrance: Any = str(folder / "in")
    else:
        inbound, outbound = {"listen_port": port}, {"server": server[0], "server_port": server[1]}
        entrance = ("127.0.0.1", port)
    document = {
        "log": {"level": "warn"},
        "inbounds": [{"type": kind, "tag": "in", **inbound}],
        "outbounds": [{"type": kind, "tag": "out", **outbound}],
        "experimental": {
            "v2ray_api": {"stats": {"enabled": True, "inbounds": ["in"], "outbounds": ["out"]}}
        },
    }
    tree = PipetwistService(parse_document(json.dumps(document), folder, "turns"), reactor)
    tree.privilegedStartService()
    tree.startService()
    return entrance, tree, reactor


def _expect(connected: socket.socket, message: bytes) -> None:
    got = connected.recv(len(_MESSAGE))
    if got != message:
        text = f"{got!r} came instead of {message!r}"
        raise AssertionError(text)


def main(kind: str, what: str, seconds: float) -> None:
    """Print the median, in microseconds."""
    folder = Path(tempfile.mkdtemp(prefix="turns-"))
    try:
        turns = Turns(kind, folder)
        gc.freeze()
        take = turns.connection if what == "connection" else turns.round_trips()
        for _ in range(_WARM_UP):
            take()
        end = time.monotonic() + seconds
        taken = [take()]
        while time.monotonic() < end:
            taken.append(take())
        sys.stdout.write(f"{statistics.median(taken) / 1000:.3f}\n")
        sys.stdout.flush()
    finally:
        shutil.rmtree(folder)
    os._exit(0)  # a reactor that has never run is not stopped


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
