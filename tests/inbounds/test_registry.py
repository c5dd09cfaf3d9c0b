"""The inbounds that there are."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.interfaces import IInbound


class RegistryTest(SynchronousTestCase):
    """The types there are."""

    def test_types(self) -> None:
        """Each type has a name of its own, and options of its own that say it."""
        names = [kind.Options.__dataclass_fields__["type"].default for kind in INBOUNDS]
        self.assertEqual(
            names, ["endpoint", "pt", "sip003", "tcp", "udp", "unix", "unixgram", "vsock"]
        )
        for kind in INBOUNDS:
            self.assertTrue(IInbound.implementedBy(kind))
