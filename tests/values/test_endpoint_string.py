"""What is known of an endpoint string before Twisted listens by it."""

from __future__ import annotations

from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values.endpoint_string import listen_host


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
