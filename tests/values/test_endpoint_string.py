"""What is known of an endpoint string before Twisted listens by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values import Checked
from pipetwist.values.endpoint_string import (
    EndpointString,
    listen_address,
    listen_host,
    listen_path,
)

(_MARK,) = (mark for mark in get_args(EndpointString) if isinstance(mark, Checked))


class ListenHostTest(SynchronousTestCase):
    """The host that a string names."""

    def test_as_twisted(self) -> None:
        """It is the one that Twisted listens at, with a key or in its place, escaped or not."""
        for text in (
            "tcp:80",
            "tcp:80:interface=relay",
            "tcp:interface=relay:port=80",
            "tcp:80:relay",
            "tcp:80::50",
            r"tcp:80:interface=re\lay",
            r"tcp6:80:interface=\:\:1",
            r"tcp6:80:50:fe80\:\:1%eth0",
            "haproxy:tcp:80:interface=relay",
            r"haproxy:tcp:80:interface=a\=b",
        ):
            reactor = MemoryReactor()
            self.successResultOf(serverFromString(reactor, text).listen(Factory()))
            self.assertEqual(listen_host(text) or "", reactor.tcpServers[0][3], text)

    def test_tls(self) -> None:
        """So it is for both kinds with TLS."""
        for text in (
            "ssl:443:interface=relay:privateKey=key.pem",
            "ssl:443:key.pem:cert.pem::relay",
            "tls:/certificates:443:50:relay",
            "tls:/certificates:interface=relay",
        ):
            self.assertEqual(listen_host(text), "relay", text)

    def test_others(self) -> None:
        """Of what is somebody else's nothing is known, nor of what is no endpoint."""
        for text in ("", ":", "\\", "unix:/run/x:mode=660", "onion:80:relay", "nothing", "haproxy"):
            self.assertIsNone(listen_host(text), text)


class ListenAddressTest(SynchronousTestCase):
    """Where a string listens."""

    def test_addresses(self) -> None:
        """It is known of Twisted's kinds for TCP over IPv4 and for unix sockets."""
        for text, shown in (
            ("tcp:80", "0.0.0.0:80"),
            ("tcp:port=80:interface=127.0.0.1", "127.0.0.1:80"),
            ("unix:/run/x.sock", "unix:/run/x.sock"),
            ("tcp:http", "None"),
            ("tcp", "None"),
            ("systemd:domain=UNIX:name=pipe", "None"),
        ):
            self.assertEqual(str(listen_address(text)), shown, text)


class ListenPathTest(SynchronousTestCase):
    """The path that a string names."""

    def test_paths(self) -> None:
        """It is the one of a unix socket, with a key or without, escaped or not."""
        for text, path in (
            ("unix:/run/x.sock", "/run/x.sock"),
            (r"unix:/run/a\:b:mode=660", "/run/a:b"),
            ("unix:mode=660:address=/run/x.sock", "/run/x.sock"),
            ("haproxy:unix:/run/x.sock", "/run/x.sock"),
            ("tcp:80", None),
            ("unix", None),
            ("", None),
        ):
            self.assertEqual(listen_path(text), path, text)


class EndpointStringTest(SynchronousTestCase):
    """The string as a configuration has it."""

    def parse(self, raw: object) -> Any:
        """Take it."""
        return _MARK.parse(raw, Path("/etc/pipetwist"))

    def test_strings(self) -> None:
        """What begins with a kind is taken as it is: any kind, since plug-ins bring more."""
        for text in ("tcp:80", "stdio:", "stdio", r"unix:/run/a\:b", "systemd:domain=UNIX:name=a"):
            self.assertEqual(self.parse(text), text)

    def test_refused(self) -> None:
        """What can be no endpoint string is refused with what to write."""
        for raw, says in (
            ("/x.sock", 'is a path; write "unix:/x.sock", or use the type "unix"'),
            ("@name", "is a path"),
            ("127.0.0.1:80", 'names no kind of endpoint; write it first, as in "tcp:127.0.0.1:80"'),
            ("[::1]:80", "names no kind of endpoint"),
            (":80", "names no kind of endpoint"),
            (80, "is not a text"),
        ):
            self.assertIn(says, str(self.assertRaises(ValueError, self.parse, raw)), raw)
