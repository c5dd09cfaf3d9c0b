"""The keys of TLS, with OpenSSL's client and server, and with curl."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

from cryptography.x509 import RFC822Name
from twisted.trial.unittest import SynchronousTestCase

from tests.interop.site import Site, page
from tests.support.certificates import Authority
from tests.support.daemon import Daemon, start_daemon
from tests.support.peers import need, start_peer
from tests.support.scratch import free_port, listens, scratch_folder, wait_until

_SUITE = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
_IN_OPENSSL = "ECDHE-ECDSA-CHACHA20-POLY1305"
_ANSWERS = {"type": "fork", "tag": "out", "command": ["sed", "-u", "s/$/, said the server/; 1q"]}


class _KeysCase(SynchronousTestCase):
    """A CA, certificates, and a daemon."""

    def setUp(self) -> None:
        """Make certificates."""
        self.folder = scratch_folder(self)
        self.port, self.metrics = free_port(self), free_port(self)
        self.authority = Authority(self.folder, "authority")
        self.pairs = [
            {"certificate_path": str(certificate), "key_path": str(key)}
            for certificate, key in map(self.authority.issue, ("one.example", "two.example"))
        ]

    def start(self, outbound: dict[str, Any] = _ANSWERS, **options: Any) -> Daemon:
        """Start a daemon with a TLS inbound of these options, and wait until it listens."""
        users = {"users": options.pop("users")} if "users" in options else {}
        tls = {"certificates": self.pairs, **options}
        inbound = {"type": "tcp", "tag": "in", "listen_port": self.port, "tls": tls, **users}
        daemon = start_daemon(
            self,
            {
                "inbounds": [inbound],
                "outbounds": [outbound],
                "metrics": {"listen": f"127.0.0.1:{self.metrics}"},
            },
            folder=self.folder,
        )
        wait_until(lambda: listens(self.metrics), "the metrics to listen")
        return daemon

    def run_program(self, command: list[str], says: str = "") -> tuple[bool, str]:
        """Run a program; whether it has ended well, and what it has said."""
        ran = subprocess.run(
            [need(command[0]), *command[1:]],
            input=says,
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=60,
            check=False,
        )
        return ran.returncode == 0, ran.stdout + ran.stderr


class ServerTest(_KeysCase):
    """An inbound."""

    def s_client(self, *options: str) -> str:
        """What OpenSSL's client says of a connection, and what it receives; or why it failed."""
        command = ["openssl", "s_client", "-connect", f"localhost:{self.port}", "-ign_eof"]
        trust = ["-CAfile", str(self.authority.path), "-verify_return_error"]
        return self.run_program([*command, *trust, *options], "hello\n")[1]

    def test_versions_and_suites(self) -> None:
        """Only versions and suites that are configured are agreed on."""
        self.start(max_version="1.2", cipher_suites=[_SUITE])
        said = self.s_client()
        self.assertIn("hello, said the server", said)
        self.assertIn(f"New, TLSv1.2, Cipher is {_IN_OPENSSL}", said)
        self.assertIn("alert protocol version", self.s_client("-tls1_3"))
        self.assertIn("alert handshake failure", self.s_client("-cipher", "AES256-SHA"))

    def test_protocols(self) -> None:
        """One of the client's protocols is agreed on, or it is told that there is none."""
        self.start(alpn=["h2", "http/1.1"])
        for offered, agreed in (("http/1.1,h2", "h2"), ("x,http/1.1", "http/1.1")):
            said = self.s_client("-alpn", offered)
            self.assertIn("hello, said the server", said)
            self.assertIn(f"ALPN protocol: {agreed}", said)
        self.assertIn("hello, said the server", self.s_client())
        self.assertIn("alert no application protocol", self.s_client("-alpn", "h3"))

    def test_names(self) -> None:
        """OpenSSL's client and curl get the certificate of the name that they ask for."""
        site = Site(self)
        server = {"server": "127.0.0.1", "server_port": site.port}
        self.start({"type": "tcp", "tag": "out", **server}, alpn=["http/1.1"])
        for name, shown in (("one", "one"), ("two", "two"), ("three", "one")):
            said = self.s_client("-servername", f"{name}.example")
            self.assertRegex(said, rf"subject=CN ?= ?{shown}\.example")
        for name in ("one.example", "two.example"):
            good, said = self.run_program(
                [
                    *("curl", "--silent", "--show-error", "--max-time", "20"),
                    *("--cacert", str(self.authority.path)),
                    *("--resolve", f"{name}:{self.port}:127.0.0.1"),
                    *("-o", "page", f"https://{name}:{self.port}/100/page"),
                ]
            )
            self.assertTrue(good, said)
            self.assertEqual((self.folder / "page").read_bytes(), page(100, "page"))

    def test_clients(self) -> None:
        """A client is known by its e-mail address, and one that was revoked is refused."""
        names = [RFC822Name("alice@example.org")]
        alice, bob = (self.authority.issue(name, names=names) for name in ("alice", "bob"))
        daemon = self.start(
            client_certificate_path=str(self.authority.path),
            client_crl_path=str(self.authority.revoke(bob[0])),
            users=[{"name": "alice", "certificate_san": "email:alice@example.org"}],
        )
        own = [["-cert", str(certificate), "-key", str(key)] for certificate, key in (alice, bob)]
        self.assertIn("hello, said the server", self.s_client(*own[0]))
        wait_until(lambda: "user=alice" in daemon.log, "the user in the log")
        self.assertIn("alert certificate revoked", self.s_client(*own[1]))

    def test_sessions(self) -> None:
        """A session is resumed in both versions, also with another name, and that is counted."""
        self.start()
        for version in ("-tls1_2", "-tls1_3"):
            said = self.s_client(version, "-sess_out", "session", "-servername", "one.example")
            self.assertRegex(said, r"\nNew, TLS")
            said = self.s_client(version, "-sess_in", "session", "-servername", "one.example")
            self.assertIn("hello, said the server", said)
            self.assertRegex(said, r"\nReused, TLS")
        _, said = self.run_program(["curl", "-s", f"http://127.0.0.1:{self.metrics}/metrics"])
        figures = dict(
            re.findall(r'^pipetwist_tls_(\w+)_total\{inbound="in"\} ([0-9.]+)$', said, re.MULTILINE)
        )
        self.assertEqual(figures, {"handshakes": "4.0", "resumed": "2.0"})


class UnixTest(_KeysCase):
    """Unix sockets."""

    def test_both_ends(self) -> None:
        """OpenSSL's client gets through an inbound and an outbound, both with TLS, to OpenSSL's
        server; a client without TLS is refused, and a server with another name is not connected.
        """
        pair = self.pairs[0]
        start_peer(
            self,
            [
                *(need("openssl"), "s_server", "-unix", "server", "-rev"),
                *("-cert", pair["certificate_path"], "-key", pair["key_path"]),
            ],
            self.folder,
        )
        server = self.folder / "server"
        wait_until(lambda: server.is_socket(), "OpenSSL's server to listen")
        trust = {"certificate_path": str(self.authority.path), "enabled": True}
        names = ("one.example", "two.example")
        daemon = start_daemon(
            self,
            {
                "inbounds": [
                    {"type": "unix", "tag": name, "path": name, "tls": {"certificates": self.pairs}}
                    for name in names
                ],
                "outbounds": [
                    {
                        "type": "unix",
                        "tag": f"to {name}",
                        "path": str(server),
                        "tls": {**trust, "server_name": name},
                    }
                    for name in names
                ],
                "route": {"rules": [{"inbound": [n], "outbound": f"to {n}"} for n in names]},
            },
            folder=self.folder,
        )
        client = ["openssl", "s_client", "-CAfile", str(self.authority.path), "-servername"]
        client += ["two.example", "-verify_return_error", "-ign_eof", "-unix"]
        _, said = self.run_program([*client, "one.example"], "hello\nCLOSE\n")
        self.assertIn("olleh", said)
        self.assertRegex(said, r"subject=CN ?= ?two\.example")
        self.run_program([*client, "two.example"], "hello\n")
        wait_until(lambda: "not of the name that it was asked for" in daemon.log, "the reason")
        with socket.socket(socket.AF_UNIX) as plain:
            plain.settimeout(60)
            plain.connect(str(self.folder / "one.example"))
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                while plain.recv(1000):
                    pass
        wait_until(lambda: "the TLS handshake with" in daemon.log, "what was wrong")


class ClientTest(_KeysCase):
    """An outbound."""

    def ask(self, **options: Any) -> str:
        """What is answered through an outbound with these options; empty if it can't connect."""
        tls = {"enabled": True, "certificate_path": str(self.authority.path), **options}
        document = {
            "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
            "outbounds": [
                {
                    "type": "tcp",
                    "tag": "out",
                    "server": "127.0.0.1",
                    "server_port": self.port,
                    "tls": {"server_name": "two.example", **tls},
                }
            ],
        }
        daemon = start_daemon(self, document, folder=self.folder)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(self.folder / "in.sock"))
            client.sendall(b"hello\n")
            answer = ""
            with contextlib.suppress(ConnectionResetError):
                answer = client.makefile("rb").readline().decode()
        daemon.stop()
        return answer

    def test_keys(self) -> None:
        """OpenSSL's server agrees on version and suite, and finds one of the protocols; with
        nothing in common nobody is connected.
        """
        pair = self.pairs[1]
        start_peer(
            self,
            [
                *(need("openssl"), "s_server", "-accept", str(self.port), "-rev"),
                *("-cert", pair["certificate_path"], "-key", pair["key_path"]),
                *("-alpn", "h2", "-cipher", _IN_OPENSSL),
            ],
            self.folder,
        )
        wait_until(lambda: listens(self.port), "OpenSSL's server to listen")
        wanted = {"alpn": ["x", "h2"], "max_version": "1.2", "cipher_suites": [_SUITE]}
        self.assertEqual(self.ask(**wanted), "olleh\n")
        told = Path(self.folder / "openssl.log").read_text(encoding="utf-8", errors="replace")
        self.assertIn("Protocol version: TLSv1.2", told)
        self.assertIn(f"Ciphersuite: {_IN_OPENSSL}", told)
        self.assertEqual(self.ask(alpn=["x"]), "")
        suites = ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]
        self.assertEqual(self.ask(max_version="1.2", cipher_suites=suites), "")
        self.assertEqual(self.ask(min_version="1.3"), "olleh\n")
