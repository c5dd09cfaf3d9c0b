"""ncat, socat and nc as clients, as servers and as commands, each with each."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.daemon import Daemon, start_daemon
from tests.interop.peers import need, start_peer
from tests.interop.scratch import connected, free_port, listens, scratch_folder, wait_until
from tests.interop.site import page
from tests.interop.v2ray_pair import query_traffic

__all__ = ["ToolsTest"]

_REQUEST = page(200_000, "request")
_PAGE = page(300_000, "page")


class ToolsTest(SynchronousTestCase):
    """Every client against one server or command at a time.

    The server answers only after the client has half-closed, with the digest of what it got and a page: the answer is whole only where
    nothing was lost, and end of file passed, in both directions.
    """

    def setUp(self) -> None:
        """Find the programs and write the server's answer."""
        for program in ("ncat", "socat", "nc", "v2ctl"):
            need(program)
        self.folder = scratch_folder(self)
        self.request = self.folder / "request"
        self.request.write_bytes(_REQUEST)
        (self.folder / "page").write_bytes(_PAGE)
        self.answering = self.folder / "answer"
        self.answering.write_text(f"#!/bin/sh\nsha256sum\ncat {self.folder}/page\n", encoding="utf-8")
        self.answering.chmod(0o700)
        self.answer = f"{sha256(_REQUEST).hexdigest()}  -\n".encode() + _PAGE
        self.server = self.folder / "y.sock"
        self.port = free_port(self)

    def test_ncat_server(self) -> None:
        """Clients get the whole answer of ``ncat -lkU``."""
        self._serve([need("ncat"), "-lkU", str(self.server), "--exec", str(self.answering)])
        self._try_clients({"type": "unix", "path": "y.sock"})

    def test_socat_server(self) -> None:
        """Clients get the whole answer of a socat that listens on a unix socket."""
        self._serve([need("socat"), "-t", "30", f"UNIX-LISTEN:{self.server},fork", f"EXEC:{self.answering}"])
        self._try_clients({"type": "unix", "path": "y.sock"})

    def test_ncat_server_on_tcp(self) -> None:
        """Clients get the whole answer of an ncat that listens on a port."""
        self._serve_port()
        self._try_clients({"type": "tcp", "server": "127.0.0.1", "server_port": self.port})

    def test_ncat_server_at_endpoint(self) -> None:
        """Clients get the whole answer of an ncat that a Twisted endpoint string leads to."""
        self._serve_port()
        self._try_clients({"type": "endpoint", "endpoint": f"tcp:127.0.0.1:{self.port}"})

    def test_ncat_command(self) -> None:
        """Clients get the whole answer through ``ncat host port`` started for each connection."""
        self._serve_port()
        self._try_clients({"type": "fork", "command": ["ncat", "127.0.0.1", str(self.port)]})

    def test_ncat_unix_command(self) -> None:
        """Clients get the whole answer through ``ncat -U`` started for each connection."""
        self._serve([need("socat"), "-t", "30", f"UNIX-LISTEN:{self.server},fork", f"EXEC:{self.answering}"])
        self._try_clients({"type": "fork", "command": ["ncat", "-U", str(self.server)]})

    def test_socat_command(self) -> None:
        """Clients get the whole answer through a socat started for each connection."""
        self._serve([need("ncat"), "-lkU", str(self.server), "--exec", str(self.answering)])
        self._try_clients({"type": "fork", "command": ["socat", "-t", "30", "-", f"UNIX-CONNECT:{self.server}"]})

    def test_nc_command(self) -> None:
        """Clients get the whole answer through ``nc -N -U`` started for each connection."""
        self._serve([need("ncat"), "-lkU", str(self.server), "--exec", str(self.answering)])
        self._try_clients({"type": "fork", "command": ["nc", "-N", "-U", str(self.server)]})

    def test_answering_command(self) -> None:
        """Clients get the whole answer of a command that answers by itself."""
        self._try_clients({"type": "fork", "command": ["./answer"]})

    def _serve(self, command: Sequence[str]) -> None:
        start_peer(self, command, self.folder)
        wait_until(lambda: listens(self.server), f"{command[0]} to listen")

    def _serve_port(self) -> None:
        start_peer(self, [need("ncat"), "-lk", "127.0.0.1", str(self.port), "--exec", str(self.answering)], self.folder)
        wait_until(lambda: listens(self.port), "ncat to listen")

    def _try_clients(self, outbound: dict[str, Any]) -> None:
        port = free_port(self)
        unix, api = self.folder / "x.sock", self.folder / "api.sock"
        daemon = start_daemon(
            self,
            {
                "inbounds": [
                    {"type": "unix", "tag": "unix-in", "path": "x.sock"},
                    {"type": "tcp", "tag": "tcp-in", "listen_port": port},
                ],
                "outbounds": [{"tag": "out", **outbound}],
                "experimental": {
                    "v2ray_api": {
                        "listen": f"unix:{api}",
                        "stats": {"enabled": True, "inbounds": ["unix-in", "tcp-in"], "outbounds": ["out"]},
                    }
                },
            },
            folder=self.folder,
        )
        clients = _clients(unix, port)
        for client in clients:
            self._try_client(client, daemon)
        wait_until(lambda: not connected(unix), "every connection to end")
        up, down = len(_REQUEST), len(self.answer)
        each = len(clients) // 2
        self.assertEqual(
            query_traffic(f"unix:{api}"),
            {
                ("inbound", "unix-in"): (each * up, each * down),
                ("inbound", "tcp-in"): (each * up, each * down),
                ("outbound", "out"): (2 * each * up, 2 * each * down),
            },
        )
        daemon.stop()

    def _try_client(self, client: Sequence[str], daemon: Daemon) -> None:
        with self.request.open("rb") as request:
            said = subprocess.run(client, stdin=request, capture_output=True, timeout=30, check=False)
        if said.stdout != self.answer:
            digest, _, rest = said.stdout.partition(b"\n")
            self.fail(
                f"{' '.join(client)} got {len(said.stdout)} bytes of {len(self.answer)}, digest {digest[:64]!r}, "
                f"page {'whole' if rest == _PAGE else 'broken'}; it said {said.stderr!r} and the daemon:\n{daemon.log}"
            )


def _clients(unix: Path, port: int) -> list[list[str]]:
    """Each client's command, for the unix socket and for the port."""
    return [
        ["ncat", "-U", str(unix)],
        ["socat", "-t", "30", "-", f"UNIX-CONNECT:{unix}"],
        ["nc", "-N", "-U", str(unix)],
        ["ncat", "127.0.0.1", str(port)],
        ["socat", "-t", "30", "-", f"TCP:127.0.0.1:{port}"],
        ["nc", "-N", "127.0.0.1", str(port)],
    ]
