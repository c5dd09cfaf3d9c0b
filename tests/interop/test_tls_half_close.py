"""TLS that half-closes, at an inbound and at an outbound, with real programs at the other end: what
was sent arrives whole, so does the answer that comes after the end, and the log has the count of
both, and the reason.
"""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.last_word import CLIENT_FIRST, SERVER_FIRST, UNANSWERED, LastWord, read_to_end
from tests.interop.site import page
from tests.interop.tls_relays import start_relay
from tests.support.daemon import start_daemon
from tests.support.peers import need, start_peer
from tests.support.scratch import free_port, listens, scratch_folder, wait_until
from tests.support.shared_certificates import AUTHORITY, SERVER, SERVER_NAME

_VERSIONS = ("1.2", "1.3")
_REST = page(200_000, "request")
_PAGE = b"HTTP/1.0 200 OK\r\n\r\n" + page(300_000, "page")
_NO_NOTIFY = "the connection was lost without a TLS close_notify"
_LISTENS = {"certificate_path": SERVER[0], "key_path": SERVER[1]}
_CONNECTS = {"enabled": True, "server_name": SERVER_NAME, "certificate_path": AUTHORITY}


class _Ended(NamedTuple):
    """What the log has of a connection.

    Attributes:
        inbound: through which it came.
        uplink: bytes of the client.
        downlink: bytes for the client.
        reason: why it ended.
    """

    inbound: str
    uplink: int
    downlink: int
    reason: str


class _HalfCloseCase(SynchronousTestCase):
    """A daemon with an inbound for each version of TLS that leads to a server without it, and with
    inbounds without it that lead to a server with each version.
    """

    def setUp(self) -> None:
        """Start the server without TLS, and choose the ports."""
        self.folder = scratch_folder(self)
        self.server = LastWord(self, _PAGE)
        self.with_tls = {version: free_port(self) for version in _VERSIONS}
        self.without = {version: free_port(self) for version in _VERSIONS}
        self.cut_off = {version: free_port(self) for version in _VERSIONS}
        self.seen = 0

    def start(self, server_port: int) -> None:
        """Start the daemon.

        Args:
            server_port: where the server with TLS is. The inbounds ``cut-1.2`` and ``cut-1.3`` have
                TLS and lead there as well.
        """
        plain = {"type": "tcp", "tag": "plain", "server": "127.0.0.1"}
        inbounds, rules = [], []
        outbounds: list[dict[str, Any]] = [{**plain, "server_port": self.server.port}]
        for version in _VERSIONS:
            only = {"min_version": version, "max_version": version}
            tls, out = {"tls": {**_LISTENS, **only}}, f"out-{version}"
            for name, port, options in (
                ("tls", self.with_tls, tls),
                ("plain", self.without, {}),
                ("cut", self.cut_off, tls),
            ):
                listen = {"tag": f"{name}-{version}", "listen_port": port[version]}
                inbounds.append({"type": "tcp", **listen, **options})
            outbounds.append(
                {**plain, "tag": out, "server_port": server_port, "tls": {**_CONNECTS, **only}}
            )
            rules.append({"inbound": [f"plain-{version}", f"cut-{version}"], "outbound": out})
        self.daemon = start_daemon(
            self,
            {
                "log": {"format": "json"},
                "inbounds": inbounds,
                "outbounds": outbounds,
                "route": {"rules": rules},
            },
            folder=self.folder,
        )

    def ended(self) -> _Ended:
        """Wait for the next connection's line."""
        self.seen += 1
        wait_until(lambda: len(self._lines()) >= self.seen, "the line of a connection")
        return self._lines()[self.seen - 1]

    def _lines(self) -> list[_Ended]:
        whole = (line for line in self.daemon.log.splitlines(keepends=True) if line.endswith("\n"))
        events = map(json.loads, whole)
        return [
            _Ended(*(event[name] for name in _Ended._fields))
            for event in events
            if "uplink" in event
        ]

    def run_program(self, *command: str, says: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a program to its end."""
        return subprocess.run(
            [need(command[0]), *command[1:]],
            input=says,
            capture_output=True,
            cwd=self.folder,
            timeout=60,
            check=False,
        )

    def connect(self, port: int) -> socket.socket:
        """Connect as a client without TLS."""
        client = socket.create_connection(("127.0.0.1", port), 60)
        self.addCleanup(client.close)
        return client


class RelayTest(_HalfCloseCase):
    """A program that puts TLS on, in front of an inbound, or takes it off, behind an outbound: both
    its ends half-close.
    """

    def begin(self, program: str) -> None:
        """Start the program, and the daemon."""
        ports = list(self.with_tls.values())
        self.relay = start_relay(self, self.folder, program, ports, self.server.port)
        self.start(self.relay.takes_off)

    def ways(self) -> Iterator[tuple[str, int]]:
        """Every inbound's tag, and the port where its clients connect."""
        for version in _VERSIONS:
            yield f"tls-{version}", self.relay.puts_on[self.with_tls[version]]
            yield f"plain-{version}", self.without[version]

    def client_first(self, inbound: str, port: int, more: str = "") -> None:
        """The client ends first, and gets its answer."""
        request = CLIENT_FIRST + _REST
        client = self.connect(port)
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        answer = self.server.answer(request)
        if more.startswith("; server"):
            self.assertEqual(_read(client, len(answer)), answer)
            self.assertRaises(ConnectionResetError, client.recv, 1)
        else:
            self.assertEqual(read_to_end(client), answer)
        client.close()
        self.assertEqual(self.server.heard(), request)
        expected = _Ended(inbound, len(request), len(answer), f"client closed{more}")
        self.assertEqual(self.ended(), expected)

    def server_first(self, inbound: str, port: int, more: str = "") -> None:
        """The server ends first, and gets the rest of the request."""
        request = SERVER_FIRST + _REST
        client = self.connect(port)
        client.sendall(SERVER_FIRST)
        self.assertEqual(read_to_end(client), _PAGE)
        client.sendall(_REST)
        client.close()
        self.assertEqual(self.server.heard(), request)
        expected = _Ended(inbound, len(request), len(_PAGE), f"server closed{more}")
        self.assertEqual(self.ended(), expected)

    def test_stunnel(self) -> None:
        """stunnel, which ends by a close_notify."""
        self.begin("stunnel")
        for inbound, port in self.ways():
            self.client_first(inbound, port)
            self.server_first(inbound, port)

    def test_haproxy(self) -> None:
        """HAProxy, which ends by a close_notify and a FIN."""
        self.begin("haproxy")
        for inbound, port in self.ways():
            self.client_first(inbound, port)
            self.server_first(inbound, port)

    def test_nginx(self) -> None:
        """nginx, which half-closes by a FIN alone, and is told by a close_notify: as a client it
        gets its answer; as a server it is taken to be cut off, when all that it has said is
        delivered.
        """
        self.begin("nginx")
        for version in _VERSIONS:
            port = self.relay.puts_on[self.with_tls[version]]
            self.client_first(f"tls-{version}", port, f"; client: {_NO_NOTIFY}")
            self.server_first(f"tls-{version}", port, f"; client: {_NO_NOTIFY}")
            inbound, port = f"plain-{version}", self.without[version]
            self.client_first(inbound, port, f"; server: {_NO_NOTIFY}")
            client = self.connect(port)
            client.sendall(SERVER_FIRST)
            self.assertEqual(_read(client, len(_PAGE)), _PAGE)
            self.assertRaises(ConnectionResetError, client.recv, 1)
            self.assertEqual(self.server.heard(), SERVER_FIRST)
            sizes = len(SERVER_FIRST), len(_PAGE)
            self.assertEqual(self.ended(), _Ended(inbound, *sizes, f"server: {_NO_NOTIFY}"))

    def test_curl(self) -> None:
        """Curl takes a page that has no length for whole if the server's TLS has ended in order,
        whichever of its connections has TLS; otherwise it says that it is not.
        """
        for program, good in (("stunnel", True), ("nginx", False)):
            self.begin(program)
            for version in _VERSIONS:
                self.curl(f"https://{SERVER_NAME}", self.with_tls[version], f"tls-{version}")
                self.curl("http://127.0.0.1", self.without[version], f"plain-{version}", good)
                self.curl(f"https://{SERVER_NAME}", self.cut_off[version], f"cut-{version}", good)
            self.daemon.stop()

    def curl(self, url: str, port: int, inbound: str, good: bool = True) -> None:
        """Fetch the page, which is then whole or not."""
        ran = self.run_program(
            *("curl", "--silent", "--show-error", "--max-time", "60", "--cacert", AUTHORITY),
            f"{url}:{port}/",
        )
        self.assertEqual(ran.returncode, 0 if good else 56, ran.stderr)
        self.assertEqual(ran.stdout, _PAGE.partition(b"\r\n\r\n")[2])
        request = self.server.heard()
        assert request is not None
        self.assertTrue(request.startswith(b"GET / HTTP/1.1\r\n"), request)
        reason = "server closed" if good else f"server: {_NO_NOTIFY}"
        self.assertEqual(self.ended(), _Ended(inbound, len(request), len(_PAGE), reason))


class ClientTest(_HalfCloseCase):
    """Programs that are clients themselves."""

    def setUp(self) -> None:
        """Start the daemon; there is no server with TLS."""
        super().setUp()
        self.start(free_port(self))

    def test_ncat(self) -> None:
        """ncat, which half-closes by a FIN alone, gets its answer."""
        command = ["ncat", "--ssl-verify", "--ssl-trustfile", AUTHORITY, SERVER_NAME]
        for version, port in self.with_tls.items():
            request = CLIENT_FIRST + _REST
            answer = self.server.answer(request)
            ran = self.run_program(*command, str(port), says=request)
            self.assertEqual((ran.returncode, ran.stdout), (0, answer), ran.stderr)
            self.assertEqual(self.server.heard(), request)
            sizes, reason = (len(request), len(answer)), f"client closed; client: {_NO_NOTIFY}"
            self.assertEqual(self.ended(), _Ended(f"tls-{version}", *sizes, reason))

    def test_openssl(self) -> None:
        """Of OpenSSL's client, which ends by a close_notify, everything has come: it does not read
        on for long. If the server ends first the client has its answer.
        """
        for version, port in self.with_tls.items():
            command = ["openssl", "s_client", "-connect", f"{SERVER_NAME}:{port}", "-quiet"]
            command += ["-CAfile", AUTHORITY, "-verify_return_error"]
            # It takes some letters that it reads for commands, but no digit of these.
            request = UNANSWERED + _REST.hex().encode()
            ran = self.run_program(*command, "-no_ign_eof", says=request)
            self.assertEqual((ran.returncode, ran.stdout), (0, b""), ran.stderr)
            self.assertEqual(self.server.heard(), request)
            ended = self.ended()
            self.assertEqual(ended[:3], (f"tls-{version}", len(request), 0))
            self.assertEqual(ended.reason.partition(";")[0], "client closed")
            ran = self.run_program(*command, says=SERVER_FIRST)
            self.assertEqual((ran.returncode, ran.stdout), (0, _PAGE), ran.stderr)
            self.assertEqual(self.server.heard(), SERVER_FIRST)
            sizes = len(SERVER_FIRST), len(_PAGE)
            self.assertEqual(self.ended(), _Ended(f"tls-{version}", *sizes, "server closed"))


class ServerTest(_HalfCloseCase):
    """Programs that are servers themselves."""

    def begin(self, *command: str) -> None:
        """Start the program, whose last argument is to be its port, and the daemon."""
        port = free_port(self)
        start_peer(self, [need(command[0]), *command[1:], str(port)], self.folder)
        wait_until(lambda: listens(port), f"{command[0]} to listen")
        self.start(port)

    def test_openssl(self) -> None:
        """OpenSSL's server, which answers with a file and ends by a close_notify, whether its
        client has ended before or not.
        """
        (self.folder / "page").write_bytes(_PAGE)
        own = ["-cert", SERVER[0], "-key", SERVER[1]]
        self.begin("openssl", "s_server", "-WWW", *own, "-accept")
        request = b"GET /page HTTP/1.0\r\n\r\n"
        for version, port in self.without.items():
            for first in ("client", "server"):
                client = self.connect(port)
                client.sendall(request)
                if first == "client":
                    client.shutdown(socket.SHUT_WR)
                answer = read_to_end(client)
                client.close()
                self.assertEqual(answer.partition(b"\r\n\r\n")[2], _PAGE)
                sizes = len(request), len(answer)
                ended = self.ended()
                self.assertEqual(ended[:3], (f"plain-{version}", *sizes))
                # It does not wait for its client's end, so that either may be the first to come.
                self.assertIn(ended.reason, {"server closed", f"{first} closed"})

    def test_ncat(self) -> None:
        """Ncat as a server, which ends by a close_notify when its command has; it does not wait for
        a command whose client has ended.
        """
        (self.folder / "page").write_bytes(_PAGE)
        script = self.folder / "answer"
        script.write_text(
            f"#!/bin/sh\nhead -c {len(_REST)} | sha256sum\ncat page\n", encoding="utf-8"
        )
        script.chmod(0o700)
        own = ["--ssl-cert", SERVER[0], "--ssl-key", SERVER[1]]
        self.begin("ncat", "--ssl", *own, "--exec", str(script), "-lk", "127.0.0.1")
        answer = f"{sha256(_REST).hexdigest()}  -\n".encode() + _PAGE
        for version, port in self.without.items():
            client = self.connect(port)
            client.sendall(_REST)
            self.assertEqual(read_to_end(client), answer)
            client.close()
            sizes = len(_REST), len(answer)
            self.assertEqual(self.ended(), _Ended(f"plain-{version}", *sizes, "server closed"))


def _read(connected: socket.socket, size: int) -> bytes:
    """Read so many bytes, or fewer where they end."""
    read = b""
    while len(read) < size and (piece := connected.recv(size - len(read))):
        read += piece
    return read
