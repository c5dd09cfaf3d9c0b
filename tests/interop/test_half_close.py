"""Clients that half-close, in front of a tunnel that closes everything when one direction ends."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.talk import Talk
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need, start_peer
from tests.support.scratch import free_port, listens, scratch_folder, wait_until

_QUESTION = b"question"
_ANSWER = b"answer\n" * 10_000


class TunnelTest(SynchronousTestCase):
    """nc, pipetwist, socat, another pipetwist, and a server."""

    transfer = "kernel"

    def setUp(self) -> None:
        """Listen as the server, and start the tunnel."""
        for program in ("nc", "socat"):
            need(program)
        self.folder = scratch_folder(self)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(60)
        self.addCleanup(self.listening.close)
        self.near, self.far = free_port(self), free_port(self)
        # Without a wait after the first end of file it is what most tunnels are.
        start_peer(
            self,
            [
                "socat",
                "-t0",
                f"TCP-LISTEN:{self.near},bind=127.0.0.1,fork,reuseaddr",
                f"TCP:127.0.0.1:{self.far}",
            ],
            self.folder,
        )
        wait_until(lambda: listens(self.near), "socat to listen")

    def test_answer(self) -> None:
        """``printf ... | nc -N`` gets its answer where both ends know what the tunnel can't, and nc
        ends when the server has closed.
        """
        client, daemon, server = self._ask(half_close=False)
        server.sendall(_ANSWER)
        server.close()
        self.assertEqual(client.hear(len(_ANSWER) + 1), _ANSWER)
        self.assertEqual(client.wait(), 0)
        line = f"up={len(_QUESTION)} down={len(_ANSWER)}: client closed\n"
        wait_until(lambda: line in daemon.log, "the line")

    def test_lost(self) -> None:
        """Otherwise the tunnel closes with the client's end of input, and the answer is lost."""
        client, _, server = self._ask(half_close=True)
        self.assertEqual(server.recv(1), b"")
        self.assertEqual(client.hear(1), b"")
        server.close()

    def _ask(self, *, half_close: bool) -> tuple[Talk, Daemon, socket.socket]:
        near = start_daemon(
            self,
            {
                "log": {"level": "debug"},
                "transfer": self.transfer,
                "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
                "outbounds": [self._tcp(self.near, half_close=half_close)],
            },
        )
        start_daemon(
            self,
            {
                "transfer": self.transfer,
                "inbounds": [
                    {
                        "type": "tcp",
                        "tag": "in",
                        "listen_port": self.far,
                        "half_close": half_close,
                    }
                ],
                "outbounds": [self._tcp(self.listening.getsockname()[1])],
            },
        )
        client = Talk(self, ["nc", "-N", "-U", str(near.folder / "in.sock")])
        client.say(_QUESTION)
        client.finish()
        server, _ = self.listening.accept()
        self.addCleanup(server.close)
        server.settimeout(60)
        self.assertEqual(server.recv(len(_QUESTION), socket.MSG_WAITALL), _QUESTION)
        wait_until(lambda: "READ_ENDED client" in near.log, "nc's end of file")
        return client, near, server

    def _tcp(self, port: int, *, half_close: bool = True) -> dict[str, object]:
        return {
            "type": "tcp",
            "tag": "out",
            "server": "127.0.0.1",
            "server_port": port,
            "half_close": half_close,
        }


class StreamTunnelTest(TunnelTest):
    """The same where Twisted's transports move the bytes."""

    transfer = "stream"
