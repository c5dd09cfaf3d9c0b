"""What connections cost, and that nothing is left of them, counted from outside of a daemon."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.scratch import scratch_folder, wait_until
from tests.support.watched_daemon import Watched

_CONNECTIONS = 1000
_COMMANDS = 200


class MemoryTest(SynchronousTestCase):
    """A reader that stalls while a gigabyte is sent to it."""

    timeout = 300

    def test_kernel(self) -> None:
        """The daemon's memory stays as it is where the kernel moves the bytes."""
        self._stall("kernel")

    def test_stream(self) -> None:
        """The daemon's memory stays as it is where Twisted's transports move the bytes."""
        self._stall("stream")

    def _stall(self, transfer: str) -> None:
        folder = scratch_folder(self)
        listening = _listen(self, str(folder / "out.sock"))
        daemon = Watched(
            self, folder, _configuration(transfer, {"type": "unix", "path": "out.sock"})
        )
        client = _connect(self, str(folder / "in.sock"))
        server = listening.accept()[0]
        self.addCleanup(server.close)
        server.settimeout(60)
        _exchange(client, server)
        daemon.forget_peak()
        before = daemon.memory("VmRSS")
        block = bytes(1 << 20)

        def send() -> None:
            for _ in range(1024):
                client.sendall(block)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        came, room = 0, bytearray(1 << 20)
        while came < 300 << 20:
            came += server.recv_into(room)
        # The reader stalls: all that is on its way stops, and nothing comes on top while it does.
        seen: list[int] = []
        wait_until(
            lambda: _is_steady(seen, daemon.memory("VmRSS")), "the daemon's memory to be steady"
        )
        stalled = daemon.memory("VmRSS")
        while came < 1 << 30:
            came += server.recv_into(room)
        sender.join(60)
        self.assertEqual(came, 1 << 30)
        most = daemon.memory("VmHWM")
        print(  # noqa: T201 - the figure is what the test is for
            f"\n    {transfer}: {before / 2**20:.1f} MiB before, {stalled / 2**20:.1f} while "
            f"stalled, {most / 2**20:.1f} at most ",
            end="",
        )
        self.assertLess(most - before, 32 << 20)


class LeftBehindTest(SynchronousTestCase):
    """Many connections at once, opened and closed."""

    timeout = 300

    def setUp(self) -> None:
        """Allow as many descriptors as it takes, here and in the daemon."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        needed = 3 * _CONNECTIONS + 500
        if hard != resource.RLIM_INFINITY and hard < needed:
            message = f"{needed} open files are needed, and the limit is {hard}"
            raise SkipTest(message)
        if soft != resource.RLIM_INFINITY and soft < needed:
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        self.folder = scratch_folder(self)

    def test_connections_in_the_kernel(self) -> None:
        """A thousand connections that the kernel moves the bytes of leave no descriptor, timer or
        connection behind.
        """
        self._connections("kernel")

    def test_connections_on_transports(self) -> None:
        """A thousand connections on Twisted's transports leave no descriptor, timer or connection
        behind.
        """
        self._connections("stream")

    def test_commands_in_the_kernel(self) -> None:
        """Two hundred commands with pipes that the kernel moves the bytes of leave no process,
        descriptor or timer behind.
        """
        self._commands("kernel")

    def test_commands_on_transports(self) -> None:
        """Two hundred commands on Twisted's descriptors leave no process, descriptor or timer
        behind.
        """
        self._commands("stream")

    def _connections(self, transfer: str) -> None:
        listening = _listen(self, str(self.folder / "out.sock"))

        def serve(client: socket.socket) -> None:
            with listening.accept()[0] as server:
                _exchange(client, server)

        daemon, before = self._daemon(transfer, {"type": "unix", "path": "out.sock"}, serve)
        pairs = []
        for _ in range(_CONNECTIONS):
            client = _connect(self, str(self.folder / "in.sock"))
            server = listening.accept()[0]
            self.addCleanup(server.close)
            pairs.append((client, server))
        for client, server in pairs:
            _exchange(client, server)
        held = daemon.holds()
        self.assertEqual(held["connections"], _CONNECTIONS)
        self.assertGreaterEqual(held["descriptors"], before["descriptors"] + 2 * _CONNECTIONS)
        for number, (client, server) in enumerate(pairs):
            # Half of them are closed by one end, half by the other.
            first, second = (client, server) if number % 2 else (server, client)
            first.close()
            self.assertEqual(second.recv(1), b"")
            second.close()
        self._nothing_left(daemon, before)

    def _commands(self, transfer: str) -> None:
        def serve(client: socket.socket) -> None:
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")

        daemon, before = self._daemon(transfer, {"type": "fork", "command": ["cat"]}, serve)
        clients = [_connect(self, str(self.folder / "in.sock")) for _ in range(_COMMANDS)]
        for client in clients:
            serve(client)
        held = daemon.holds()
        self.assertEqual((held["connections"], held["children"]), (_COMMANDS, _COMMANDS))
        for client in clients:
            client.close()
        self._nothing_left(daemon, before)

    def _daemon(
        self, transfer: str, outbound: dict[str, Any], serve: Callable[[socket.socket], None]
    ) -> tuple[Watched, dict[str, int]]:
        """Start a daemon and let it have one connection, so that what it makes once is there; what
        it holds then.
        """
        daemon = Watched(self, self.folder, _configuration(transfer, outbound))
        client = _connect(self, str(self.folder / "in.sock"))
        serve(client)
        client.close()
        wait_until(lambda: not daemon.holds()["connections"], "the end of the first connection")
        return daemon, daemon.holds()

    def _nothing_left(self, daemon: Watched, before: dict[str, int]) -> None:
        seen: dict[str, int] = {}

        def is_as_before() -> bool:
            seen.update(daemon.holds())
            return seen == before

        try:
            wait_until(is_as_before, "everything to be as before")
        except TimeoutError:
            self.assertEqual(seen, before)


def _configuration(transfer: str, outbound: dict[str, Any]) -> dict[str, Any]:
    return {
        "log": {"level": "warn"},
        "transfer": transfer,
        "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
        "outbounds": [{"tag": "out", **outbound}],
        "drain_timeout": "1s",
        "experimental": {
            "v2ray_api": {"stats": {"enabled": True, "inbounds": ["in"], "outbounds": ["out"]}}
        },
    }


def _listen(case: SynchronousTestCase, path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    case.addCleanup(listening.close)
    listening.settimeout(60)
    listening.bind(path)
    listening.listen(_CONNECTIONS)
    return listening


def _connect(case: SynchronousTestCase, path: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    case.addCleanup(client.close)
    client.settimeout(60)
    client.connect(path)
    return client


def _exchange(client: socket.socket, server: socket.socket) -> None:
    client.sendall(b"x")
    if server.recv(1) == b"x":
        server.sendall(b"y")
    if client.recv(1) != b"y":
        message = "the answer is not the server's"
        raise AssertionError(message)


def _is_steady(seen: list[int], figure: int) -> bool:
    seen.append(figure)
    return len(seen) > 20 and len(set(seen[-20:])) == 1
