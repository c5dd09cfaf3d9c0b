"""Attacks on the control service: nothing gets through."""

from __future__ import annotations

import pwd
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
from twisted.internet.threads import deferToThread

from pipetwist.control.options import ControlTlsOptions
from pipetwist.control.wire.control_pb2 import ListConnectionsRequest, ListConnectionsResponse
from pipetwist.errors import StartError
from pipetwist.relay.connection import Connection
from tests.control.case import SERVICE, Control, ControlCase
from tests.support.api_server import open_channel
from tests.support.certificates import Authority
from tests.support.command_line import PROGRAM
from tests.support.other_user import acting_as
from tests.support.scratch import wait_until
from tests.support.stranger import STRANGER, needs_root

_ODD = "x\n12 in -> out: closed\x1b[2J\u202e{who}{0.__class__}%s>"
# Says something of HTTP/2, and what comes back.
_STRANGER = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(60)
client.connect(sys.argv[1])
client.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + bytes(3) + b"\\x04" + bytes(5))
said = b""
while got := client.recv(4096):
    said += got
print(said.hex())
"""


def _first(answers: Any) -> object:  # what gRPC returns is a call and an iterator
    """The status of a list that was refused; None where it has begun."""
    try:
        next(answers)
    except grpc.RpcError as error:
        return error.code()
    return None


class UnixTest(ControlCase):
    """On a unix socket."""

    def stranger(self) -> subprocess.CompletedProcess[str]:
        """Connect as another user."""
        return subprocess.run(
            ["/usr/bin/python3", "-c", _STRANGER, str(self.path)],
            cwd="/",
            user=STRANGER,
            group=STRANGER,
            extra_groups=[],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @needs_root
    async def test_other_user(self) -> None:
        """Another user can't connect, though the folder lets them through."""
        self.start()
        self.folder.chmod(0o755)
        await self.connect()
        ended = await deferToThread(self.stranger)
        self.assertIn("PermissionError", ended.stderr)
        self.assertEqual(self.tree.relay.open_connections, 1)

    @needs_root
    async def test_other_user_on_open_socket(self) -> None:
        """Where somebody has opened the file's mode, another user is sent away before gRPC sees a
        byte, and the log says who it was.
        """
        self.start()
        self.folder.chmod(0o755)
        self.path.chmod(0o666)
        await self.connect()
        ended = await deferToThread(self.stranger)
        # Not even a GOAWAY, after which a client of gRPC connects again until its time is over.
        self.assertEqual((ended.returncode, ended.stdout.strip()), (0, ""), ended.stderr)
        (line,) = [line for line in self.lines if "neither" in line]
        self.assertRegex(
            line,
            rf"^control: unix was closed: pid:\d+ uid:{STRANGER} gid:{STRANGER} is neither the "
            r"daemon's user nor root$",
        )
        self.assertEqual(self.tree.relay.open_connections, 1)

    @needs_root
    async def test_command_of_other_user(self) -> None:
        """There the command of another user says soon who may ask, and does not try on."""
        self.start()
        self.folder.chmod(0o755)
        self.path.chmod(0o666)
        ended = await deferToThread(
            subprocess.run,
            [
                *acting_as(pwd.getpwnam("daemon")),
                *(*PROGRAM, "status", "--timeout", "1h", "-s", f"unix:{self.path}"),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((ended.returncode, ended.stdout), (2, ""))
        self.assertIn(
            f"unix:{self.path} closes every new connection; the control service does so to "
            "everybody but the daemon's user and root",
            ended.stderr,
        )

    @needs_root
    async def test_passed_on(self) -> None:
        """What counts is who has connected, and the log names that process."""
        self.start()
        await self.connect()
        code = (
            "from pipetwist.control.wire.control_pb2 import *\n"
            "import grpc\n"
            f"channel = grpc.insecure_channel('unix:{self.path}')\n"
            "call = channel.unary_unary('/pipetwist.control.Control/CloseConnections',\n"
            "    request_serializer=CloseConnectionsRequest.SerializeToString,\n"
            "    response_deserializer=CloseConnectionsResponse.FromString)\n"
            "request = CloseConnectionsRequest(selection=Selection(inbounds=['in']))\n"
            "print(call(request, timeout=60).closed)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        output, _ = await deferToThread(process.communicate, timeout=60)
        self.assertEqual(output, "1\n")
        (said,) = [line for line in self.lines if line.startswith("control: ")]
        self.assertIn(f"control: pid:{process.pid} uid:0 gid:0 closed 1", said)

    async def test_odd_names(self) -> None:
        """Names that look like lines of the log, or control a terminal, close nothing, and stay on
        one line.
        """
        self.start()
        await self.connect()
        for selection in ({"users": [_ODD]}, {"inbounds": [_ODD]}, {"outbounds": [_ODD]}):
            self.lines.clear()
            self.assertEqual((await self.client().close(**selection)).closed, 0)
            (said,) = [line for line in self.lines if "closed" in line]
            self.assertTrue(said.isprintable(), said)
        for wrong in (_ODD, "1@1\n", "*", "1@*", "'; --"):
            error = await self.error(self.client().close(ids=[wrong]))
            self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
            self.assertTrue((error.details() or "").isprintable(), error.details())
        self.assertEqual(self.tree.relay.open_connections, 1)

    async def test_earlier_run(self) -> None:
        """Ids of an earlier run close nothing in this one, where the same numbers are open."""
        first = self.start()
        await self.connect()
        (old,) = await self.client().list()
        await first.stopService()
        self.start()
        await self.connect()
        answer = await self.client().close(ids=[old.id])
        self.assertEqual((answer.closed, list(answer.unknown_ids)), (0, [old.id]))
        (new,) = await self.client().list()
        self.assertEqual(new.id.partition("@")[0], old.id.partition("@")[0])

    async def test_inner_socket(self) -> None:
        """Who reaches gRPC past the frontend, which takes the daemon's own rights, is not known,
        and may do nothing.
        """
        self.start()
        await self.connect()
        inner = self.tree.control._running.listener._inner._path
        client = Control(self, f"unix:{inner}")
        for calling in (client.list(), client.close(inbounds=["in"])):
            error = await self.error(calling)
            self.assertEqual(error.code(), grpc.StatusCode.UNAUTHENTICATED)
        self.assertEqual(self.tree.relay.open_connections, 1)

    async def test_stalled_lists(self) -> None:
        """Clients that ask for lists and do not read them keep nobody from closing; a list too many
        is refused.
        """
        self.start()
        await self.connect()
        channel = open_channel(self, f"unix:{self.path}")
        stalled = threading.Event()
        slices = self.tree.control._actions.slices

        def wait() -> list[list[Connection]]:
            stalled.set()
            return [*slices()] * 20_000

        self.tree.control._actions.slices = wait
        call = channel.unary_stream(
            f"/{SERVICE}/ListConnections",
            request_serializer=ListConnectionsRequest.SerializeToString,
            response_deserializer=ListConnectionsResponse.FromString,
        )
        lists = [call(ListConnectionsRequest()) for _ in range(4)]
        await deferToThread(stalled.wait, 60)
        codes = await deferToThread(lambda: [_first(one) for one in lists])
        self.assertEqual(codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED), 1, codes)
        self.tree.control._actions.slices = slices
        self.assertEqual((await self.client().close(inbounds=["in"])).closed, 1)
        for one in lists:
            one.cancel()

    async def test_gone(self) -> None:
        """A client that has gone is not known any more."""
        self.start()
        callers = self.tree.control._known_callers
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(self.path))
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5))
        await deferToThread(wait_until, lambda: len(callers._known) == 1, "it to be known")
        client.close()
        await deferToThread(wait_until, lambda: not callers._known, "it to be forgotten")


class TlsTest(ControlCase):
    """Over TLS, with certificates of clients."""

    def setUp(self) -> None:
        """Two CAs, and a certificate of the server."""
        super().setUp()
        self.authority = Authority(self.folder, "ca")
        self.clients = Authority(self.folder, "clients-ca")
        self.certificate, self.key = self.authority.issue("server")

    def serve(self) -> None:
        """Serve over TLS."""
        tls = ControlTlsOptions(
            certificate_path=str(self.certificate),
            key_path=str(self.key),
            client_certificate_path=str(self.clients.path),
        )
        self.start(listen="127.0.0.1:0", tls=tls)

    def credentials(self, pair: tuple[Path, Path] | None = None) -> grpc.ChannelCredentials:
        """What a client needs that trusts the CA, and presents a certificate where one is given."""
        certificate, key = (None, None) if pair is None else (path.read_bytes() for path in pair)
        return grpc.ssl_channel_credentials(self.authority.path.read_bytes(), key, certificate)

    async def test_certificate(self) -> None:
        """Who has a certificate may close, and is logged by its name."""
        self.serve()
        closes = await self.connect()
        client = self.client(self.credentials(self.clients.issue("operator")))
        self.assertEqual((await client.close(inbounds=["in"])).closed, 1)
        await self.assertClosed(closes)
        self.assertIn(
            'control: the certificate "operator" closed 1 connection: inbound "in"', self.lines
        )

        def closed() -> list[str]:
            return [line for line in self.lines if line.startswith("1 in -> echo")]

        # A command's connection has ended when the command has.
        await deferToThread(wait_until, lambda: bool(closed()), "the connection's line")
        (line,) = closed()
        self.assertTrue(line.endswith('closed by the certificate "operator"'), line)

    async def test_renewed(self) -> None:
        """A reload reads the certificates again, the CA of clients' among them: whom that does not
        sign any more may do nothing.
        """
        self.serve()
        await self.connect()
        old = self.clients.issue("old")
        self.assertEqual(len(await self.client(self.credentials(old)).list()), 1)
        self.clients = Authority(self.folder, "clients-ca")  # at the place of the old one
        await self.tree.reload(self.tree.document)
        error = await self.error(self.client(self.credentials(old)).close(inbounds=["in"]))
        self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE)
        new = self.credentials(self.clients.issue("new"))
        self.assertEqual(len(await self.client(new).list()), 1)

    async def test_odd_certificate(self) -> None:
        """A certificate's name that looks like lines of the log stays on one line."""
        self.serve()
        await self.connect()
        pair = self.clients.issue("eve\n2 in -> echo: closed\x1b[2J"[:60].replace("/", ""))
        await self.client(self.credentials(pair)).close(inbounds=["in"])
        said = [line for line in self.lines if "eve" in line]
        self.assertEqual(len(said), 2)
        for line in said:
            self.assertTrue(line.isprintable(), line)

    async def test_others(self) -> None:
        """Who has none, or one of another CA, or speaks no TLS, may do nothing."""
        self.serve()
        await self.connect()
        for credentials in (
            None,
            self.credentials(),
            self.credentials(self.authority.issue("stranger")),
        ):
            for calling in (
                self.client(credentials).list(),
                self.client(credentials).close(inbounds=["in"]),
            ):
                error = await self.error(calling)
                self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(self.tree.relay.open_connections, 1)

    def test_refused(self) -> None:
        """Built without a file, it listens on no TCP port without certificates of clients."""
        plain = ControlTlsOptions(certificate_path=str(self.certificate), key_path=str(self.key))
        off = ControlTlsOptions(enabled=False, client_certificate_path=str(self.clients.path))
        for tls in (None, plain, off):
            error = self.assertRaises(StartError, self.start, listen="127.0.0.1:0", tls=tls)
            self.assertIn("does not say who closes connections", str(error))
