"""Takes the time of the relay's turns alone: a program that is given a checkout by PYTHONPATH, and
prints microseconds for each line of standard input.

One thread plays the client, the relay and the server in turns, and only the relay's turns are
timed, by the thread's own processor clock: other programs hardly disturb it, so that two checkouts
can be compared to a percent on a busy machine.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from twisted.internet import epollreactor
from twisted.internet.main import installReactor

_MESSAGE = b"x" * 64
_AT_ONCE = 8
_WARM_UP = 300
_SIDES = 2
_OTHERS = 1000
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Setup(NamedTuple):
    """What the relay has beside the connections that are measured.

    Attributes:
        open: how many idle connections.
        users: how many users, who are all counted; the client is the last of them. Unix sockets
            only.
        inbounds: how many inbounds; the client comes to the first.
    """

    open: int = 0
    users: int = 0
    inbounds: int = 1


ALONE = Setup()
"""Nothing but these connections."""


class Turns:
    """A relay between a client and a server of this thread's own. The ends of its idle connections
    are in another process, since a process may have only so many descriptors.

    Args:
        kind: of the sockets on both sides, ``unix`` or ``tcp``.
        folder: for unix sockets.
        setup: what else it has.
    """

    def __init__(self, kind: str, folder: Path, setup: Setup) -> None:
        self._holder = _holder()
        self._family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
        self._server = socket.socket(self._family)
        self._server.bind(str(folder / "server") if kind == "unix" else ("127.0.0.1", 0))
        self._server.listen(1024)
        self._entrance, self._tree, reactor = _relay(
            kind, folder, self._server.getsockname(), setup
        )
        from pipetwist.kernel.poller import Poller

        (self._poller,) = (reader for reader in reactor.getReaders() if isinstance(reader, Poller))
        # What it would look for while it spins is done by this thread.
        vars(sys.modules[Poller.__module__])["_SPIN_SECONDS"] = 0.0
        for _ in range(_WARM_UP):
            self.connection()
        before = _resident()
        for _ in range(-(-setup.open // _AT_ONCE)):
            self._leave_open()
        self.memory = (_resident() - before) / max(setup.open, 1)
        """Bytes of the process for each of the idle connections."""

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

    def _leave_open(self) -> None:
        clients = self._clients()
        self._turn()
        ends = (*clients, *self._servers())
        socket.send_fds(self._holder, [b"x"], [end.fileno() for end in ends])
        for end in ends:
            end.close()

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


def _relay(kind: str, folder: Path, server: Any, setup: Setup) -> tuple[Any, Any, Any]:
    """Start one in this process; where it listens, the tree of its services, and its reactor, which
    does not run.
    """
    reactor: Any = epollreactor.EPollReactor()
    installReactor(reactor)
    from pipetwist.config.reading import parse_document
    from pipetwist.service.tree import PipetwistService

    inbounds, entrance = _inbounds(kind, folder, setup)
    outbound = (
        {"path": server} if kind == "unix" else {"server": server[0], "server_port": server[1]}
    )
    counted = {
        "inbounds": [inbound["tag"] for inbound in inbounds],
        "outbounds": ["out"],
        "users": [f"user{number}" for number in range(setup.users)],
    }
    document = {
        "log": {"level": "warn"},
        "inbounds": inbounds,
        "outbounds": [{"type": kind, "tag": "out", **outbound}],
        "experimental": {"v2ray_api": {"stats": {"enabled": True, **counted}}},
    }
    tree = PipetwistService(parse_document(json.dumps(document), folder, "turns"), reactor)
    tree.privilegedStartService()
    tree.startService()
    return entrance, tree, reactor


def _inbounds(kind: str, folder: Path, setup: Setup) -> tuple[list[dict[str, Any]], Any]:
    """Of a configuration; and where the first listens."""
    if kind == "unix":
        listening = [{"path": str(folder / f"in{number}")} for number in range(setup.inbounds)]
        entrance: Any = listening[0]["path"]
        if setup.users:
            others = (2**31 + number for number in range(setup.users - 1))
            uids = (*others, os.getuid())
            users = [{"name": f"user{number}", "uid": uid} for number, uid in enumerate(uids)]
            listening[0]["users"] = users  # type: ignore[assignment]  # one of many types in JSON
    else:
        with contextlib.ExitStack() as holders:
            sockets = [holders.enter_context(socket.socket()) for _ in range(setup.inbounds)]
            for holder in sockets:
                holder.bind(("127.0.0.1", 0))
            ports = [holder.getsockname()[1] for holder in sockets]
        listening = [{"listen_port": port} for port in ports]
        entrance = ("127.0.0.1", ports[0])
    return [
        {"type": kind, "tag": f"in{number}", **keys} for number, keys in enumerate(listening)
    ], entrance


def _holder() -> socket.socket:
    """A process that keeps the descriptors that it is sent open, until this one ends."""
    ours, its = socket.socketpair()
    if os.fork():
        its.close()
        return ours
    ours.close()
    while socket.recv_fds(its, 1, 2 * _AT_ONCE)[0]:
        pass
    os._exit(0)


def _resident() -> int:
    """Bytes of memory that this process has."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _expect(connected: socket.socket, message: bytes) -> None:
    got = connected.recv(len(_MESSAGE))
    if got != message:
        text = f"{got!r} came instead of {message!r}"
        raise AssertionError(text)


def main(kind: str, what: str, seconds: float, setup: Setup) -> None:
    """For each line of standard input print the median, in microseconds, or the bytes for each idle
    connection.
    """
    _take_descriptors(setup.open * _SIDES + _OTHERS)
    folder = Path(tempfile.mkdtemp(prefix="turns-"))
    try:
        turns = Turns(kind, folder, setup)
        gc.freeze()
        one = turns.connection if what == "connection" else turns.round_trips()
        for _ in range(_WARM_UP):
            one()
        for _ in sys.stdin:
            figure = turns.memory if what == "memory" else _median(one, seconds) / 1000
            sys.stdout.write(f"{figure:.3f}\n")
            sys.stdout.flush()
    finally:
        shutil.rmtree(folder)
    os._exit(0)  # a reactor that has never run is not stopped


def _take_descriptors(count: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < count:
        sys.exit(f"{count} descriptors are needed, and this process may have {most}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, most))


def _median(one: Callable[[], float], seconds: float) -> float:
    end = time.monotonic() + seconds
    taken = [one()]
    while time.monotonic() < end:
        taken.append(one())
    return statistics.median(taken)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), Setup(*map(int, sys.argv[4:])))
