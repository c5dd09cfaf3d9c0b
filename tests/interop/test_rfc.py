"""The command lines that V2Ray's pipe transport RFC and people's habits ask for, word for word."""

from __future__ import annotations

import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.talk import Talk
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need
from tests.support.scratch import free_port, listens, scratch_folder, wait_until


class CommandLinesTest(SynchronousTestCase):
    """Programs with no option that is there for pipetwist's sake."""

    def setUp(self) -> None:
        """Find the programs."""
        for program in ("ncat", "nc"):
            need(program)
        self.folder = scratch_folder(self)

    def test_two_ncats(self) -> None:
        """What is typed at ``ncat -U`` appears at ``ncat -lkU``, and the other way, piece by
        piece.
        """
        server = self._listener(self.folder / "y.sock")
        self._start({"type": "unix", "path": "y.sock"})
        self._converse(server)

    def test_forked_ncat(self) -> None:
        """What is typed at ``ncat -U`` passes ``ncat host port`` as the fork command, and the other
        way, piece by piece.
        """
        port = free_port(self)
        server = self._listener(port)
        self._start({"type": "fork", "command": ["ncat", "127.0.0.1", str(port)]})
        self._converse(server)

    def test_half_close(self) -> None:
        """``printf x | nc -N -U in.sock`` gets the whole answer of a command that answers at end of
        file.
        """
        self._start(
            {"type": "fork", "command": ["sh", "-c", "cat; sleep 0.2; echo y; sleep 0.2; echo z"]}
        )
        said = subprocess.run(
            "printf x | nc -N -U in.sock",
            shell=True,
            cwd=self.folder,
            capture_output=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(said.stdout, b"xy\nz\n")

    def test_nc_server(self) -> None:
        """``nc -N -lU`` and ``nc -N -U`` each send a file while they receive the other's."""
        texts = {side: f"{side}'s line\n".encode() * 1_000 for side in ("client", "server")}
        server = Talk(self, ["nc", "-N", "-lU", str(self.folder / "y.sock")])
        wait_until(lambda: listens(self.folder / "y.sock"), "nc to listen")
        self._start({"type": "unix", "path": "y.sock"})
        client = Talk(self, ["nc", "-N", "-U", str(self.folder / "in.sock")])
        for talk, side in ((client, "client"), (server, "server")):
            talk.say(texts[side])
            talk.finish()
        self.assertEqual(client.hear(1_000_000), texts["server"])
        self.assertEqual(server.hear(1_000_000), texts["client"])
        self.assertEqual([client.wait(), server.wait()], [0, 0])

    def _listener(self, address: Path | int) -> Talk:
        arguments = (
            ["-lkU", str(address)]
            if isinstance(address, Path)
            else ["-lk", "127.0.0.1", str(address)]
        )
        server = Talk(self, ["ncat", *arguments])
        wait_until(lambda: listens(address), "ncat to listen")
        return server

    def _start(self, outbound: dict[str, object]) -> Daemon:
        return start_daemon(
            self,
            {
                "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
                "outbounds": [{"tag": "out", **outbound}],
            },
            folder=self.folder,
        )

    def _converse(self, server: Talk) -> None:
        client = Talk(self, ["ncat", "-U", str(self.folder / "in.sock")])
        client.say(b"hello\n")
        self.assertEqual(server.hear(6), b"hello\n")
        server.say(b"good day\n")
        self.assertEqual(client.hear(9), b"good day\n")
        client.say(b"bye\n")
        self.assertEqual(server.hear(4), b"bye\n")
        client.finish()
        self.assertEqual(client.wait(), 0)
