"""Inbounds on every address, with clients over IPv4 and over IPv6."""

from __future__ import annotations

import re
import signal
import socket
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.daemon import TWISTD, run_to_end, start_daemon, write_configuration
from tests.support.scratch import free_datagram_port, free_port, scratch_folder, wait_until
from tests.support.shared_certificates import SERVER, client_context

_HOSTS = ("127.0.0.1", "::1")


def _configuration(*inbounds: dict[str, Any]) -> dict[str, Any]:
    outbound = {"type": "fork", "tag": "out", "command": ["cat"]}
    # The datagrams of an inbound udp are framed for the command, which gives back what it gets.
    framed = {**outbound, "tag": "framed", "framing": "rfc4571"}
    datagrams = [one["tag"] for one in inbounds if one["type"] == "udp"]
    rules = [{"inbound": datagrams, "outbound": "framed"}] if datagrams else []
    return {
        "drain_timeout": "10ms",
        "inbounds": inbounds,
        "outbounds": [outbound, framed],
        "route": {"rules": rules},
    }


class FamiliesTest(SynchronousTestCase):
    """On one machine with both."""

    def setUp(self) -> None:
        """See that it has both."""
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError as error:
            message = f"there is no IPv6 here: {error}"
            raise SkipTest(message) from error

    def test_every_address(self) -> None:
        """Whatever moves the bytes, and over TLS and with datagrams, both come in, and the log
        shows each by its own address.
        """
        tls = {"certificate_path": SERVER[0], "key_path": SERVER[1]}
        ports = {
            "kernel": free_port(self),
            "secure": free_port(self),
            "udp": free_datagram_port(self),
        }
        configuration = _configuration(
            {"type": "tcp", "tag": "kernel", "listen": "::", "listen_port": ports["kernel"]},
            {
                "type": "tcp",
                "tag": "secure",
                "listen": "::",
                "listen_port": ports["secure"],
                "tls": tls,
            },
            {"type": "udp", "tag": "udp", "listen": "::", "listen_port": ports["udp"]},
        )
        daemon = start_daemon(self, configuration)
        peers = {
            (tag, self.talk(tag, host, port)) for tag, port in ports.items() for host in _HOSTS
        }
        daemon.stop()
        self.assertEqual(
            set(re.findall(r"(\w+) -> \w+\[\d+\] user=- peer=(\S+)", daemon.log)), peers, daemon.log
        )

    def talk(self, tag: str, host: str, port: int) -> str:
        """Have something sent back; the address that the client has for it."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        client = socket.socket(family, socket.SOCK_DGRAM if tag == "udp" else socket.SOCK_STREAM)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect((host, port))
        if tag == "secure":
            client = client_context().wrap_socket(client, server_hostname="localhost")
            self.addCleanup(client.close)
        client.send(b"hello")
        self.assertEqual(client.recv(5), b"hello")
        own, number = client.getsockname()[:2]
        return f"[{own}]:{number}" if ":" in own else f"{own}:{number}"


class CollisionTest(SynchronousTestCase):
    """An inbound of every address beside one of every address of IPv4."""

    def setUp(self) -> None:
        """Write such a configuration."""
        self.folder = scratch_folder(self)
        self.port = free_port(self)
        self.inbounds = [
            {"type": "tcp", "tag": tag, "listen": listen, "listen_port": self.port}
            for tag, listen in (("both", "::"), ("v4", "0.0.0.0"))
        ]
        self.said = f'inbounds[1].listen_port: 0.0.0.0:{self.port} is taken by the inbound "both"'

    def test_start(self) -> None:
        """The daemon does not start, and says in one line which the two are."""
        path = write_configuration(self.folder, _configuration(*self.inbounds))
        ended = run_to_end(
            self.folder, [*TWISTD, "-n", "--pidfile=", "pipetwist", "--config", str(path)]
        )
        self.assertEqual(ended.returncode, 1)
        (line,) = ended.stderr.splitlines()
        self.assertTrue(line.startswith(f"pipetwist: {self.said}"), line)

    def test_reload(self) -> None:
        """A reload to it is refused with the same line, and everything goes on."""
        daemon = start_daemon(self, _configuration(self.inbounds[0]), folder=self.folder)
        write_configuration(self.folder, _configuration(*self.inbounds))
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "configuration not reloaded" in daemon.log, "the reload's end")
        self.assertIn(self.said, daemon.log)
        daemon.stop()
