"""What is said inside of what plug-ins carry: TLS and headers of the PROXY protocol."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
from hashlib import sha256
from typing import Any

from tests.interop.plugin_pair import PluginPair, exchange
from tests.support.daemon import start_daemon
from tests.support.peers import need
from tests.support.scratch import free_datagram_port, free_port, scratch_folder, wait_until
from tests.support.shared_certificates import (
    AUTHORITY,
    CLIENT,
    CLIENT_NAME,
    SERVER,
    SERVER_NAME,
    client_context,
)

_SERVES = {"certificate_path": SERVER[0], "key_path": SERVER[1]}
_ASKS = {**_SERVES, "client_certificate_path": AUTHORITY}
_TRUSTS = {"enabled": True, "server_name": SERVER_NAME, "certificate_path": AUTHORITY}
_NEEDED = re.compile(r"clients need an outbound with (\{.*\})")


class _Case(PluginPair):
    transfer = "auto"

    def start(
        self,
        outbound: dict[str, Any],
        inbound: dict[str, Any],
        command: tuple[str, ...] = ("cat",),
        **of_server: Any,
    ) -> None:
        """Start both ends, with these keys of the kind and of the server's document; clients come
        by a TCP port.
        """
        self.folder = scratch_folder(self)
        self.port, self.door = free_port(self), free_port(self)
        self.server = start_daemon(
            self,
            {
                "inbounds": [{"tag": "in", "listen_port": self.port, **self.ours(1), **inbound}],
                "outbounds": [{"type": "fork", "tag": "tool", "command": list(command)}],
                "transfer": self.transfer,
                **of_server,
            },
        )
        self.plugin = self.plugin_of(self.server)
        self.path = self.folder / "in.sock"
        inbounds = [
            # A client that has closed looks like one that still reads.
            {
                "type": "tcp",
                "tag": "door",
                "listen_port": self.door,
                "half_close_timeout": "100ms",
            },
            {"type": "unix", "tag": "pipe", "path": str(self.path)},
        ]
        self.client = self.start_client(
            {**self.ours(0), **outbound}, inbounds=inbounds, transfer=self.transfer
        )

    def ours(self, end: int) -> dict[str, Any]:
        """The keys of the kind, at the client's end or the server's."""
        raise NotImplementedError

    def ask(self) -> str:
        """Have something sent back to a client that comes by TCP; its address."""
        with socket.create_connection(("127.0.0.1", self.door), 60) as client:
            client.sendall(b"hello")
            self.assertEqual(client.recv(5), b"hello")
            host, port = client.getsockname()
        return f"{host}:{port}"

    def wait_for(self, text: str) -> None:
        """Wait for a line of the server's."""
        wait_until(lambda: text in self.server.log, text)


class _Sip003Case(_Case):
    def ours(self, end: int) -> dict[str, Any]:
        """See `_Case`."""
        program = ("obfs-local", "obfs-server")[end]
        return {"type": "sip003", "plugin": need(program), "plugin_opts": "obfs=http"}


class Sip003Test(_Sip003Case):
    """simple-obfs between both ends."""

    def test_tls(self) -> None:
        """Both ends speak TLS through it, and count what is inside of that."""
        self.start({"tls": _TRUSTS}, {"tls": _SERVES})
        self.assertCarries()
        line = "up=1048576 down=1048576"
        wait_until(lambda: line in self.client.log and line in self.server.log, "the lines")

    def test_stranger(self) -> None:
        """An outbound refuses a far end of another name."""
        self.start({"tls": {**_TRUSTS, "server_name": "other.example"}}, {"tls": _SERVES})
        self.assertEqual(exchange(self.path, b"hello"), b"")
        why = f"cannot connect: 127.0.0.1:{self.port}: "
        wait_until(lambda: why in self.client.log, "the line")
        self.assertNotIn("-> tool", self.server.log)

    def test_certificate(self) -> None:
        """A user is known by a certificate; who shows none is named as the plug-in."""
        users = [{"name": "alice", "certificate_name": CLIENT_NAME}]
        self.start({}, {"tls": _ASKS, "users": users})
        for shown, says in ((CLIENT, b"hello"), (None, b"")):
            with (
                socket.create_connection(("127.0.0.1", self.door), 60) as plain,
                client_context(shown).wrap_socket(plain, server_hostname=SERVER_NAME) as client,
            ):
                try:
                    client.sendall(b"hello")
                    self.assertEqual(client.recv(5), says)
                except (ssl.SSLError, ConnectionResetError):
                    self.assertIsNone(shown)
        peer = f"obfs-server[{self.plugin}]"
        self.wait_for(f"user=alice peer={peer} ")
        self.wait_for(f"inbound in: the TLS handshake with {peer} failed: ")
        self.assertEqual(self.server.log.count("-> tool"), 1)

    def test_proxy_protocol(self) -> None:
        """A header tells the server who has come to the client's end: for users by address, in both
        versions.
        """
        for version in (1, 2):
            self.start(
                {"proxy_protocol": version},
                {"proxy_protocol": True, "users": ["here"]},
                users=[
                    {"name": "here", "source": ["127.0.0.0/8"], "limits": {"max_sources": 1}},
                ],
            )
            self.wait_for_peer(self.ask(), "here")

    def wait_for_peer(self, peer: str, user: str) -> None:
        """Wait for the line of a client's connection."""
        self.wait_for(f"user={user} peer={peer} ")

    def test_proxy_protocol_and_tls(self) -> None:
        """The header comes before TLS."""
        self.start({"proxy_protocol": 2, "tls": _TRUSTS}, {"proxy_protocol": True, "tls": _SERVES})
        self.wait_for_peer(self.ask(), "-")

    def test_no_header(self) -> None:
        """Who sends none is refused, and named as the plug-in."""
        self.start({}, {"proxy_protocol": True})
        self.assertEqual(exchange(self.path, b"hello"), b"")
        peer = f"obfs-server[{self.plugin}]"
        self.wait_for(f"inbound in: refused {peer}, which sent no PROXY header: ")


class FramingTest(_Sip003Case):
    """Datagrams, which the outbound and the inbound frame."""

    def test_tls(self) -> None:
        """Each arrives whole, through the plug-in and inside of TLS, and its answer comes back."""
        near, far = free_datagram_port(self), free_port(self)
        framed = {"framing": "rfc4571"}
        self.server = start_daemon(
            self,
            {
                "inbounds": [
                    {"tag": "in", "listen_port": far, **self.ours(1), **framed, "tls": _SERVES}
                ],
                "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"], **framed}],
            },
        )
        self.plugin_of(self.server)
        server = {"server": "127.0.0.1", "server_port": far, "tls": _TRUSTS}
        start_daemon(
            self,
            {
                "inbounds": [{"type": "udp", "tag": "in", "listen_port": near}],
                "outbounds": [{"tag": "out", **self.ours(0), **framed, **server}],
            },
        )
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.settimeout(60)
            client.connect(("127.0.0.1", near))
            for size in (1, 1400, 30_000):
                sent = os.urandom(size)
                client.send(sent)
                self.assertEqual(client.recv(1 << 16), sent)


class StreamSip003Test(Sip003Test):
    """The same over Twisted's transports."""

    transfer = "stream"


class HalfCloseTest(_Sip003Case):
    """An end of input, where the kernel moves the bytes: Twisted's TLS has none."""

    def test_half_close(self) -> None:
        """TLS carries the end of input that a plug-in can't."""
        data = os.urandom(100_000)
        self.start(
            {"tls": _TRUSTS, "half_close": True},
            {"tls": _SERVES, "half_close": True},
            ("sha256sum",),  # which answers at the end of its input alone
        )
        answer = exchange(self.path, data, ends=True)
        self.assertEqual(answer.split()[0].decode(), sha256(data).hexdigest())


class PtTest(_Case):
    """obfs4proxy between both ends."""

    def ours(self, end: int) -> dict[str, Any]:
        """See `_Case`; what the client's end needs the server has said."""
        common = {"type": "pt", "transport": "obfs4", "command": [need("obfs4proxy")]}
        if end:
            return {**common, "state_path": "server"}
        return {**common, **self.needed(), "state_path": "client"}

    def needed(self) -> dict[str, Any]:
        """What the server's log says that clients need."""
        wait_until(lambda: bool(_NEEDED.search(self.server.log)), "what clients need")
        found: dict[str, Any] = json.loads(_NEEDED.findall(self.server.log)[-1])
        return found

    def test_source(self) -> None:
        """A user is known by the address that the transport says, with TLS inside too."""
        users = [{"name": "near", "source": ["127.0.0.1"]}]
        self.start({"tls": _TRUSTS}, {"tls": _SERVES, "users": users})
        self.assertCarries(1000)
        wait_until(
            lambda: bool(re.search(r"user=near peer=127\.0\.0\.1:\d+ ", self.server.log)),
            "the line",
        )

    def test_proxy_protocol(self) -> None:
        """The header says who has come, and the transport whether that one is trusted."""
        self.start(
            {"proxy_protocol": 2, "tls": _TRUSTS},
            {"proxy_protocol": True, "tls": _SERVES, "trusted_proxies": ["127.0.0.1"]},
        )
        self.wait_for(f"user=- peer={self.ask()} ")

    def test_no_proxy(self) -> None:
        """One whose address is not trusted is refused by that address."""
        self.start(
            {"proxy_protocol": 2}, {"proxy_protocol": True, "trusted_proxies": ["192.0.2.0/24"]}
        )
        self.assertEqual(exchange(self.path, b"hello"), b"")
        refused = re.compile(r"refused 127\.0\.0\.1:\d+, which is none of its trusted_proxies")
        wait_until(lambda: bool(refused.search(self.server.log)), "the line")


class StreamPtTest(PtTest):
    """The same over Twisted's transports."""

    transfer = "stream"
