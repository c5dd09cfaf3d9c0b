"""TLS listeners and clients that offer protocols by ALPN, as nearly all do: programs that people
have come in, whatever they offer.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.site import Site, page
from tests.interop.v2ray_pair import V2RayPair
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need
from tests.support.scratch import free_port, listens, scratch_folder, wait_until
from tests.support.shared_certificates import AUTHORITY, SERVER

_TLS = {"certificate_path": SERVER[0], "key_path": SERVER[1]}
_SIZE = 1024 * 1024


class AlpnTest(SynchronousTestCase):
    """A daemon with a TLS inbound, and with metrics over TLS."""

    def setUp(self) -> None:
        """Choose the places."""
        self.folder = scratch_folder(self)
        self.port, self.metrics = free_port(self), free_port(self)

    def start(self, outbound: dict[str, Any]) -> Daemon:
        """Start it; what comes in goes to this outbound."""
        daemon = start_daemon(
            self,
            {
                "inbounds": [
                    {"type": "tcp", "tag": "tls-in", "listen_port": self.port, "tls": _TLS}
                ],
                "outbounds": [{"tag": "out", **outbound}],
                "metrics": {"listen": f"127.0.0.1:{self.metrics}", "tls": _TLS},
            },
            folder=self.folder,
        )
        wait_until(lambda: listens(self.metrics), "the metrics to listen")
        return daemon

    def test_openssl(self) -> None:
        """OpenSSL's client is served with ALPN and without; the metrics agree on HTTP/1.1 with who
        offers it, the inbound on nothing.
        """
        self.start({"type": "fork", "command": ["sed", "-u", "s/$/, said the server/; 1q"]})
        for offered in ([], ["-alpn", "h2"], ["-alpn", "h2,http/1.1"]):
            told = self._s_client(self.port, "hello\n", *offered)
            self.assertIn("hello, said the server", told)
            self.assertNotIn("ALPN protocol:", told)
            request = "GET /metrics HTTP/1.1\nHost: localhost\nConnection: close\n\n"
            told = self._s_client(self.metrics, request, "-crlf", *offered)
            self.assertIn("HTTP/1.1 200 OK", told)
            self.assertEqual("ALPN protocol: http/1.1" in told, "h2,http/1.1" in offered)

    def test_curl(self) -> None:
        """curl, which offers HTTP/2 and HTTP/1.1, reads the metrics, and a page of a web server
        behind the inbound.
        """
        site = Site(self)
        self.start({"type": "tcp", "server": "127.0.0.1", "server_port": site.port})
        for alpn in ([], ["--http1.1"], ["--no-alpn"]):
            self.assertIn(
                b"pipetwist_", self._curl(f"https://localhost:{self.metrics}/metrics", *alpn)
            )
            self.assertEqual(
                self._curl(f"https://localhost:{self.port}/{_SIZE}/page", *alpn),
                page(_SIZE, "page"),
            )

    def test_v2ray(self) -> None:
        """V2Ray comes in as a TLS client, with the protocols that it offers by itself and with
        others: it always offers some.
        """
        for number, alpn in enumerate(({}, {"alpn": ["h2"]}, {"alpn": ["http/1.1"]})):
            folder = self.folder / str(number)
            folder.mkdir()
            trusts = {
                "serverName": "localhost",
                "disableSystemRoot": True,
                "certificates": [{"usage": "verify", "certificateFile": AUTHORITY}],
            }
            pair = V2RayPair(self, folder, self.port, {**trusts, **alpn})
            daemon = self.start({"type": "unix", "path": str(pair.served)})
            self.assertEqual(pair.download(_SIZE, "page"), page(_SIZE, "page"))
            daemon.stop()

    def _s_client(self, port: int, says: str, *options: str) -> str:
        """What the client tells of the connection, and what it receives."""
        command = [
            need("openssl"),
            "s_client",
            "-connect",
            f"localhost:{port}",
            "-CAfile",
            AUTHORITY,
            "-verify_return_error",
            "-ign_eof",
        ]
        return _output([*command, *options], self.folder, says)

    def _curl(self, url: str, *options: str) -> bytes:
        told = self.folder / "told"
        _output(
            [
                need("curl"),
                "--silent",
                "--show-error",
                "--max-time",
                "20",
                "--cacert",
                AUTHORITY,
                "-o",
                str(told),
                *options,
                url,
            ],
            self.folder,
        )
        return told.read_bytes()


def _output(command: list[str], folder: Path, says: str = "") -> str:
    ran = subprocess.run(
        command, input=says, capture_output=True, text=True, cwd=folder, timeout=60, check=False
    )
    if ran.returncode:
        message = f"{command[:2]} ended with status {ran.returncode}: {ran.stderr}"
        raise AssertionError(message)
    return ran.stdout + ran.stderr
