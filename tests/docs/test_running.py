"""docs/running.md: its commands, and what it says of the log, of signals and of descriptors."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
from itertools import pairwise
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import FOREGROUND, TWIST, Daemon, start_daemon
from tests.support.markdown import ROOT, blocks
from tests.support.scratch import free_datagram_port, free_port, listens, scratch_folder, wait_until
from tests.support.shared_certificates import AUTHORITY, SERVER, SERVER_NAME, client_context
from tests.support.terminal import Terminal, same_each_time

_DOCUMENT = "docs/running.md"
_ECHO: dict[str, Any] = {
    "inbounds": [{"type": "unix", "tag": "pipe-in", "path": "in.sock"}],
    "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
}


def _text() -> str:
    return (ROOT / _DOCUMENT).read_text(encoding="utf-8")


def _shown(heading: str) -> str:
    """The only block under a heading."""
    (block,) = (block for block in blocks(_DOCUMENT) if block.heading == heading)
    return block.text


def _connect(case: SynchronousTestCase, path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    case.addCleanup(client.close)
    client.settimeout(60)
    client.connect(str(path))
    return client


def _datagram_socket(case: SynchronousTestCase, path: Path) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    case.addCleanup(opened.close)
    opened.settimeout(60)
    opened.bind(str(path))
    return opened


def _say_hello(case: SynchronousTestCase, path: Path) -> None:
    """Six bytes there and six back."""
    client = _connect(case, path)
    client.sendall(b"hello\n")
    client.shutdown(socket.SHUT_WR)
    while client.recv(100):
        pass


class CommandsTest(SynchronousTestCase):
    """The commands that are shown."""

    def test_commands(self) -> None:
        """They say what the document shows."""
        terminal = Terminal(self)
        typed = 0
        for block in blocks(_DOCUMENT):
            if block.language == "json" and block.name is not None:
                terminal.save(block)
            elif block.language == "console":
                terminal.type(block)
                typed += 1
        self.assertGreater(typed, 3)


class LogTest(SynchronousTestCase):
    """The lines that are shown."""

    def test_text(self) -> None:
        """The line of a connection is that of the document."""
        daemon = start_daemon(self, _ECHO)
        _say_hello(self, daemon.folder / "in.sock")
        line = same_each_time(_shown("The line of a connection"))
        wait_until(lambda: line in same_each_time(daemon.log).splitlines(), f"the line {line}")

    def test_standard_error(self) -> None:
        """The line of a command is that of the document."""
        said = "cat: write error: Broken pipe"
        command = ["sh", "-c", f"cat; echo '{said}' >&2"]
        daemon = start_daemon(
            self, {**_ECHO, "outbounds": [{"type": "fork", "tag": "echo", "command": command}]}
        )
        _say_hello(self, daemon.folder / "in.sock")
        line = same_each_time(_shown("Standard error of commands"))
        wait_until(lambda: line in same_each_time(daemon.log).splitlines(), f"the line {line}")

    def test_unreachable(self) -> None:
        """A log of warnings alone has the line of the document where a server can't be reached, and
        not the connection's own.
        """
        outbound = {"type": "unix", "tag": "plugin", "path": "nobody.sock"}
        with socket.socket(socket.AF_UNIX) as gone:
            daemon = start_daemon(
                self, {**_ECHO, "outbounds": [outbound], "log": {"level": "warn"}}
            )
            gone.bind(str(daemon.folder / "nobody.sock"))
        self.assertEqual(_connect(self, daemon.folder / "in.sock").recv(1), b"")
        line, _ = _shown("Servers that can't be reached").splitlines()
        line = same_each_time(line.replace("/run/plugin.sock", str(daemon.folder / "nobody.sock")))
        wait_until(lambda: line in same_each_time(daemon.log).splitlines(), f"the line {line}")
        self.assertNotIn("pipe-in -> plugin", daemon.log)

    def test_failed_handshakes(self) -> None:
        """The filter for fail2ban finds the address of each client that does not complete a TLS
        handshake or has no user's certificate.
        """
        ports = free_port(self), free_port(self)
        files = {"certificate_path": SERVER[0], "key_path": SERVER[1]}
        users = [{"name": "alice", "certificate_name": "alice"}]
        secured = {
            "type": "tcp",
            "tag": "tls-in",
            "listen_port": ports[0],
            "tls": {**files, "client_certificate_path": AUTHORITY},
            "users": users,
        }
        metrics = {"listen": f"127.0.0.1:{ports[1]}", "tls": files}
        daemon = start_daemon(
            self, {**_ECHO, "inbounds": [*_ECHO["inbounds"], secured], "metrics": metrics}
        )
        wait_until(lambda: listens(ports[1]), "the metrics to listen")
        for port in ports:
            with socket.create_connection(("127.0.0.1", port), 20) as client:
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with socket.create_connection(("127.0.0.1", ports[0]), 20) as plain:
            client_context().wrap_socket(plain, server_hostname=SERVER_NAME).close()
        wait_until(
            lambda: daemon.log.count(" failed: ") + daemon.log.count(" refused ") == 3, "the lines"
        )
        told, filter_ = [
            block.text for block in blocks(_DOCUMENT) if block.heading == "Failed handshakes"
        ]
        patterns = re.findall(r"\^.*", filter_.replace("<ADDR>", r"(?P<addr>[0-9A-Fa-f.:]+)"))
        for log in (told, daemon.log):
            # fail2ban takes the date away before it looks.
            lines = [line.partition(" ")[2] for line in log.splitlines()]
            found = [
                next(
                    (
                        match
                        for match in (re.search(pattern, line) for pattern in patterns)
                        if match
                    ),
                    None,
                )
                for line in lines
            ]
            addresses = [match["addr"] for match in found if match]
            self.assertEqual(
                addresses,
                ["127.0.0.1"] * 3 if log is not told else ["192.0.2.7", "2001:db8::7", "192.0.2.7"],
            )

    def test_json(self) -> None:
        """As JSON too, for twistd and for twist, where every line is an object that has what every
        line is said to have.
        """
        shown = _shown("JSON lines")
        for command in (FOREGROUND, TWIST):
            daemon = start_daemon(self, {**_ECHO, "log": {"format": "json"}}, command=command)
            _say_hello(self, daemon.folder / "in.sock")
            wait_until(lambda daemon=daemon: '"reason"' in daemon.log, "the line of the connection")  # type: ignore[misc]  # mypy can't infer it
            daemon.stop()
            lines = [json.loads(line) for line in daemon.log.splitlines()]
            for line in lines:
                self.assertGreaterEqual(line.keys(), {"time", "level", "logger", "message"})
            (connection,) = (line for line in daemon.log.splitlines() if '"reason"' in line)
            self.assertEqual(same_each_time(connection), same_each_time(shown))

    def test_fields(self) -> None:
        """Every field of the line that is shown is explained."""
        for field in json.loads(_shown("JSON lines")):
            self.assertIn(f"`{field}`", _text())


class ReasonsTest(SynchronousTestCase):
    """Why connections end."""

    def test_reasons(self) -> None:
        """What the log says of connections that end in many ways is in the document, but for the
        numbers.
        """
        outbounds: dict[str, dict[str, Any]] = {
            "ends": {"type": "fork", "command": ["true"]},
            "fails": {"type": "fork", "command": ["sh", "-c", "exit 7"]},
            "killed": {"type": "fork", "command": ["sh", "-c", "kill -SEGV $$"]},
            "refused": {"type": "tcp", "server": "127.0.0.1", "server_port": free_port(self)},
            "silent": {"type": "fork", "command": ["sleep", "60"]},
            "full": {"type": "fork", "command": ["cat"], "max_processes": 1},
            "broken": {"type": "fork", "command": ["cat"]},
        }
        daemon = start_daemon(
            self,
            {
                "log": {"format": "json"},
                "inbounds": [
                    {
                        "type": "unix",
                        "tag": tag,
                        "path": f"{tag}.sock",
                        **({"idle_timeout": "100ms"} if tag == "silent" else {}),
                    }
                    for tag in outbounds
                ],
                "outbounds": [{"tag": tag, **options} for tag, options in outbounds.items()],
                "route": {"rules": [{"inbound": [tag], "outbound": tag} for tag in outbounds]},
                "drain_timeout": "10ms",
            },
        )
        broken = self._echoed(daemon.folder / "broken.sock")
        broken.close()  # with a byte unread, which the kernel tells the daemon as a reset
        staying = self._echoed(daemon.folder / "full.sock")
        for tag in outbounds.keys() - {"broken"}:
            self.assertEqual(_connect(self, daemon.folder / f"{tag}.sock").recv(1), b"")
        daemon.stop()
        staying.close()
        self._are_known(daemon, len(outbounds) + 1)

    def test_datagrams(self) -> None:
        """So is what it says of datagram connections."""
        port = free_datagram_port(self)
        folder = scratch_folder(self)
        server = _datagram_socket(self, folder / "server.sock")
        inbounds: dict[str, dict[str, Any]] = {
            "refused": {},
            "pause_writing": {"max_associations": 1},
            "silent": {"udp_timeout": "500ms"},
            "stopped": {},
        }
        daemon = start_daemon(
            self,
            {
                "log": {"format": "json"},
                "inbounds": [
                    *(
                        {"type": "unixgram", "tag": tag, "path": f"{tag}.sock", **options}
                        for tag, options in inbounds.items()
                    ),
                    {"type": "unix", "tag": "framed", "path": "framed.sock", "framing": "rfc4571"},
                ],
                "outbounds": [
                    {"type": "unixgram", "tag": "server", "path": "server.sock"},
                    {"type": "udp", "tag": "nobody", "server": "127.0.0.1", "server_port": port},
                ],
                "route": {
                    "rules": [{"inbound": ["refused", "framed"], "outbound": "nobody"}],
                    "final": "server",
                },
            },
            folder=folder,
        )
        for tag in inbounds:
            for name in ("", "another"):
                client = _datagram_socket(self, folder / f"{tag}-client{name}")
                client.sendto(b"x", str(folder / f"{tag}.sock"))
                if tag == "refused":
                    break
                self.assertEqual(server.recv(9), b"x")
        # A client that binds to no path gets no answer, and 65,508 bytes are one too many for UDP.
        nameless = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(nameless.close)
        nameless.sendto(b"y", str(folder / "silent.sock"))
        datagram, source = server.recvfrom(9)
        server.sendto(datagram, source)
        for start in (b"\0\2x", b"\xff\xe4" + bytes(65508)):
            framed = _connect(self, folder / "framed.sock")
            framed.sendall(start)
            framed.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                self.assertEqual(framed.recv(1), b"")
        wait_until(
            lambda: daemon.log.count('"reason": "no byte moved') == 3, "the end of who is silent"
        )
        daemon.stop()
        self._are_known(daemon, 10)
        self.assertIn("; 1 datagrams dropped", daemon.log)
        self.assertIn('"message": "outbound nobody: server: Connection refused"', daemon.log)

    def _are_known(self, daemon: Daemon, connections: int) -> None:
        """Every reason of so many connections stands in the document."""
        lines = [json.loads(line) for line in daemon.log.splitlines()]
        reasons = [line["reason"] for line in lines if "uplink" in line]
        self.assertEqual(len(reasons), connections, reasons)
        # Where it can't connect the document has the last words, which say why.
        words = [
            part.rpartition(": ")[2] if part.startswith("cannot connect") else part
            for reason in reasons
            for part in reason.split("; ")
        ]
        known = re.sub(r"\d+", "N", _text())
        self.assertEqual([word for word in words if re.sub(r"[\d.]+", "N", word) not in known], [])

    def _echoed(self, path: Path) -> socket.socket:
        """A connection on which a byte has come back and is not read."""
        client = _connect(self, path)
        client.sendall(b"x")
        self.assertEqual(client.recv(1, socket.MSG_PEEK), b"x")
        return client


class SignalsTest(SynchronousTestCase):
    """What signals do."""

    def test_signals(self) -> None:
        """The daemon ends by the signal; one that stops it in order takes the socket away, and one
        that is its end leaves it.
        """
        for number, stays in ((signal.SIGINT, False), (signal.SIGUSR2, True)):
            self.assertIn(number.name, _text())
            daemon = start_daemon(self, _ECHO, command=FOREGROUND)
            daemon.process.send_signal(number)
            self.assertEqual(daemon.process.wait(60), -number)
            self.assertEqual((daemon.folder / "in.sock").exists(), stays, number)


class DescriptorsTest(SynchronousTestCase):
    """How many a connection takes."""

    def test_descriptors(self) -> None:
        """Between two sockets two, and to a command five; for a source of datagrams one and
        four.
        """
        folder = scratch_folder(self)
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(str(folder / "server.sock"))
        server.listen()
        ways = {"to-server": "server", "grams": "grams", "grams-to-echo": "gram-echo"}
        configuration = {
            "inbounds": [
                *_ECHO["inbounds"],
                {"type": "unix", "tag": "to-server", "path": "to-server.sock"},
                {"type": "unixgram", "tag": "grams", "path": "grams.sock"},
                {"type": "unixgram", "tag": "grams-to-echo", "path": "grams-to-echo.sock"},
            ],
            "outbounds": [
                *_ECHO["outbounds"],
                {"type": "unix", "tag": "server", "path": "server.sock"},
                {"type": "unixgram", "tag": "grams", "path": "gram-server.sock"},
                {"type": "fork", "tag": "gram-echo", "command": ["cat"], "framing": "rfc4571"},
            ],
            "route": {
                "rules": [{"inbound": [came], "outbound": goes} for came, goes in ways.items()]
            },
        }
        daemon = start_daemon(self, configuration, folder=folder, command=FOREGROUND)
        # A daemon that listens is not at rest yet: its reactor opens two more when it begins to
        # run, which one that answers does.
        first = _connect(self, folder / "in.sock")
        first.sendall(b"x")
        self.assertEqual(first.recv(1), b"x")
        taken = [_descriptors(daemon)]
        client = _connect(self, folder / "to-server.sock")
        client.sendall(b"x")
        accepted, _ = server.accept()
        self.addCleanup(accepted.close)
        self.assertEqual(accepted.recv(1), b"x")
        taken.append(_descriptors(daemon))
        client = _connect(self, folder / "in.sock")
        client.sendall(b"x")
        self.assertEqual(client.recv(1), b"x")
        taken.append(_descriptors(daemon))
        gram_server = _datagram_socket(self, folder / "gram-server.sock")
        gram_client = _datagram_socket(self, folder / "gram-client.sock")
        gram_client.sendto(b"x", str(folder / "grams.sock"))
        self.assertEqual(gram_server.recv(9), b"x")
        taken.append(_descriptors(daemon))
        gram_client.sendto(b"x", str(folder / "grams-to-echo.sock"))
        self.assertEqual(gram_client.recv(9), b"x")
        taken.append(_descriptors(daemon))
        self.assertEqual([after - before for before, after in pairwise(taken)], [2, 5, 1, 4])
        self.assertIn("| 2 for a connection from socket to socket, 5 for one to a command", _text())
        self.assertIn("; 1 and 4 for a source of datagrams", _text())


class StartTest(SynchronousTestCase):
    """The lines of a start that fails."""

    def test_lines(self) -> None:
        """Each that the document explains is in the program, but for what stands for a name
        there.
        """
        lines = re.findall(
            r"^\| `(.+?)` \| .*$",
            _text().partition("| line | what to do |")[2].partition("\n\n")[0],
            re.MULTILINE,
        )
        self.assertGreater(len(lines), 5)
        program = "\n".join(
            path.read_text(encoding="utf-8") for path in (ROOT / "pipetwist").rglob("*.py")
        )
        for line in lines:
            for piece in re.split(r"[A-Z]{3,}|'|\.\.\.|grpcio|Permission denied|[(),]", line):
                self.assertIn(piece.strip(" :"), program, line)


def _descriptors(daemon: Daemon) -> int:
    return len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))
