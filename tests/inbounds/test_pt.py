"""What an inbound behind a pluggable transport refuses."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.documents import problems, small


class PtInboundOptionsTest(SynchronousTestCase):
    """Its keys."""

    def problems(self, listen: str = "127.0.0.1", transport: str = "obfs4") -> list[str]:
        """What is wrong with one that listens there."""
        inbound = {
            "type": "pt",
            "tag": "in",
            "transport": transport,
            "command": ["obfs4proxy"],
            "state_path": "state",
            "listen": listen,
            "listen_port": 443,
        }
        return problems({**small(), "inbounds": [inbound]})

    def test_transport(self) -> None:
        """A transport has the name of an identifier."""
        (problem,) = self.problems(transport="obfs-4")
        self.assertIn('inbounds[0]: transport: "obfs-4" names none', problem)

    def test_listen(self) -> None:
        """It listens at an address of either family, and at no name."""
        for address in ("0.0.0.0", "::", "2001:db8::1"):
            self.assertEqual(self.problems(address), [])
        for name in ("localhost", "fe80::1%eth0"):
            (problem,) = self.problems(name)
            self.assertIn(f'inbounds[0]: listen: "{name}" is no IP address', problem)
