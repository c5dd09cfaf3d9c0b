"""Which proxies are believed."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.proxy_protocol.trust import TrustedProxies
from pipetwist.values.trusted_proxies import DEFAULT_PROXIES
from tests.support.documents import problems


class TrustTest(SynchronousTestCase):
    """Lists of proxies."""

    def test_usual(self) -> None:
        """By default everybody on this machine is, and nobody else."""
        trusted = TrustedProxies(DEFAULT_PROXIES)
        for proxy in ("127.0.0.1", "127.255.255.255", "::1", "unix"):
            self.assertTrue(trusted.trusts(proxy), proxy)
        for proxy in ("128.0.0.1", "10.0.0.1", "::2", "fe80::1%eth0", "vsock:1", "vsock:2", "x"):
            self.assertFalse(trusted.trusts(proxy), proxy)

    def test_lists(self) -> None:
        """A network, an address, every machine of vsock or one of them."""
        trusted = TrustedProxies(("10.0.0.0/8", "fe80::/10", "vsock:3"))
        for proxy in ("10.9.8.7", "fe80::1%eth0", "vsock:3"):
            self.assertTrue(trusted.trusts(proxy), proxy)
        for proxy in ("unix", "127.0.0.1", "vsock:33", "vsock:4"):
            self.assertFalse(trusted.trusts(proxy), proxy)
        self.assertTrue(TrustedProxies(("vsock",)).trusts("vsock:4"))
        self.assertFalse(TrustedProxies(()).trusts("unix"))

    def test_written(self) -> None:
        """What is none of these is a mistake in the configuration."""
        for written in ("10.0.0.0/33", "localhost", "vsock:", "vsock:x", "Unix", "", 7, None):
            inbound = {
                "type": "tcp",
                "tag": "in",
                "listen_port": 1,
                "proxy_protocol": True,
                "trusted_proxies": ["::ffff:10.0.0.0/104", "192.0.2.1", "vsock:3", written],
            }
            outbound = {"type": "tcp", "tag": "out", "server": "::1", "server_port": 2}
            (problem,) = problems({"inbounds": [inbound], "outbounds": [outbound]})
            self.assertIn("inbounds[0].trusted_proxies[3]: ", problem)
            self.assertIn("is no proxy that could be trusted; write a network", problem)
