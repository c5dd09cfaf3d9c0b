"""ncat, socat and nc as clients, as servers and as commands, each with each."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.site import page
from tests.interop.talk import Talk
from tests.interop.v2ray_pair import query_traffic
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need, start_peer
from tests.support.scratch import connected, free_port, listens, scratch_folder, wait_until

_REQUEST = page(200_000, "request")
_PAGE = page(300_000, "page")


class ToolsTest(SynchronousTestCase):
    """Every client against one server or command at a time.

    The client sends a request. The server answers with the digest of what it got, which says that
    everything arrived, and a page.
    """

    transfer = "auto"

    def setUp(self) -> None:
        """Find the programs and write the two ways to answer."""
        for program in ("ncat", "socat", "nc", "v2ctl"):
            need(program)
        self.folder = scratch_folder(self)
        self.server = self.folder / "y.sock"
        self.port = free_port(self)
        (self.folder / "page").write_bytes(_PAGE)
        self.at_end = self._script("at-end", "sha256sum")
        self.at_size = self._script("at-size", f"head -c {len(_REQUEST)} | sha256sum")
        self.answer = f"{sha256(_REQUEST).hexdigest()}  -\n".encode() + _PAGE

    def test_socat_server(self) -> None:
        """Clients that half-close get the whole answer of a socat that listens on a unix socket."""
        self._serve_with_socat(f"UNIX-LISTEN:{self.server},fork", self.server)
        self._try_clients({"type": "unix", "path": "y.sock"})

    def test_socat_server_on_tcp(self) -> None:
        """Clients that half-close get the whole answer of a socat that listens on a port."""
        self._serve_with_socat(f"TCP-LISTEN:{self.port},bind=127.0.0.1,fork,reuseaddr", self.port)
        self._try_clients({"type": "tcp", "server": "127.0.0.1", "server_port": self.port})

    def test_socat_server_at_endpoint(self) -> None:
        """Clients that half-close get the whole answer of a socat that a Twisted endpoint string
        leads to.
        """
        self._serve_with_socat(f"TCP-LISTEN:{self.port},bind=127.0.0.1,fork,reuseaddr", self.port)
        self._try_clients({"type": "endpoint", "endpoint": f"tcp:127.0.0.1:{self.port}"})

    def test_ncat_server(self) -> None:
        """Clients get the whole answer of ``ncat -lkU``."""
        self._serve_with_ncat("-lkU", str(self.server), self.server)
        self._try_clients({"type": "unix", "path": "y.sock"}, half_closing=False)

    def test_ncat_server_on_tcp(self) -> None:
        """Clients get the whole answer of an ncat that listens on a port."""
        self._serve_with_ncat("-lk", str(self.port), self.port)
        self._try_clients(
            {"type": "tcp", "server": "127.0.0.1", "server_port": self.port}, half_closing=False
        )

    def test_ncat_command(self) -> None:
        """Clients that half-close get the whole answer through ``ncat host port`` started for each
        connection.
        """
        self._serve_with_socat(f"TCP-LISTEN:{self.port},bind=127.0.0.1,fork,reuseaddr", self.port)
        self._try_clients({"type": "fork", "command": ["ncat", "127.0.0.1", str(self.port)]})

    def test_ncat_unix_command(self) -> None:
        """Clients that half-close get the whole answer through ``ncat -U`` started for each
        connection.
        """
        self._serve_with_socat(f"UNIX-LISTEN:{self.server},fork", self.server)
        self._try_clients({"type": "fork", "command": ["ncat", "-U", str(self.server)]})

    def test_socat_command(self) -> None:
        """Clients that half-close get the whole answer through a socat started for each
        connection.
        """
        self._serve_with_socat(f"UNIX-LISTEN:{self.server},fork", self.server)
        self._try_clients(
            {"type": "fork", "command": ["socat", "-t", "30", "-", f"UNIX-CONNECT:{self.server}"]}
        )

    def test_nc_command(self) -> None:
        """Clients that half-close get the whole answer through ``nc -N -U`` started for each
        connection.
        """
        self._serve_with_socat(f"UNIX-LISTEN:{self.server},fork", self.server)
        self._try_clients({"type": "fork", "command": ["nc", "-N", "-U", str(self.server)]})

    def test_answering_command(self) -> None:
        """Clients that half-close get the whole answer of a command that answers by itself."""
        self._try_clients({"type": "fork", "command": ["./at-end"]})

    def _script(self, name: str, digest: str) -> Path:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{digest}\ncat {self.folder}/page\n", encoding="utf-8")
        path.chmod(0o700)
        return path

    def _serve_with_socat(self, listen: str, address: Path | int) -> None:
        start_peer(self, [need("socat"), "-t", "30", listen, f"EXEC:{self.at_end}"], self.folder)
        wait_until(lambda: listens(address), "socat to listen")

    def _serve_with_ncat(self, option: str, listen: str, address: Path | int) -> None:
        # ncat ends a connection, with what its command still has to say, when the client
        # half-closes; so no client does.
        host = [] if isinstance(address, Path) else ["127.0.0.1"]
        start_peer(
            self, [need("ncat"), option, *host, listen, "--exec", str(self.at_size)], self.folder
        )
        wait_until(lambda: listens(address), "ncat to listen")

    def _try_clients(self, outbound: dict[str, Any], *, half_closing: bool = True) -> None:
        port = free_port(self)
        unix, api = self.folder / "x.sock", self.folder / "api.sock"
        daemon = start_daemon(
            self,
            {
                "transfer": self.transfer,
                "inbounds": [
                    {"type": "unix", "tag": "unix-in", "path": "x.sock"},
                    {"type": "tcp", "tag": "tcp-in", "listen_port": port},
                ],
                "outbounds": [{"tag": "out", **outbound}],
                "experimental": {
                    "v2ray_api": {
                        "listen": f"unix:{api}",
                        "stats": {
                            "enabled": True,
                            "inbounds": ["unix-in", "tcp-in"],
                            "outbounds": ["out"],
                        },
                    }
                },
            },
            folder=self.folder,
        )
        clients = _clients(unix, port)
        for client in clients:
            self._try_client(client, daemon, half_closing)
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

    def _try_client(self, command: Sequence[str], daemon: Daemon, half_closing: bool) -> None:
        client = Talk(self, command)
        client.say(_REQUEST)
        if half_closing:
            client.finish()
        heard = client.hear(len(self.answer) + 1 if half_closing else len(self.answer))
        if heard != self.answer:
            digest, _, rest = heard.partition(b"\n")
            self.fail(
                f"{' '.join(command)} got {len(heard)} bytes of {len(self.answer)}, digest "
                f"{digest[:64]!r}, "
                f"page {'whole' if rest == _PAGE else 'broken'}; the daemon said:\n{daemon.log}"
            )
        client.finish()
        self.assertEqual(client.wait(), 0, command)


class StreamToolsTest(ToolsTest):
    """The same with bytes that Twisted's transports move."""

    transfer = "stream"


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
