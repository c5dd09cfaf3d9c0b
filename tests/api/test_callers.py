"""Who the clients of a gRPC service are."""

from __future__ import annotations

from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.callers import Callers


class _Transport:
    """A transport to gRPC, which has no name any more once it is lost."""

    def __init__(self) -> None:
        self.lost = False

    def getHost(self) -> SimpleNamespace:
        """Its own name."""
        if self.lost:
            message = "it has no socket"
            raise AttributeError(message)
        return SimpleNamespace(name=b"\0abcde")


class CallersTest(SynchronousTestCase):
    """`Callers`."""

    def test_lost_before(self) -> None:
        """A transport that was lost before its client had left is forgotten as well."""
        callers, inner = Callers(str), _Transport()
        callers.came(inner, "somebody")
        self.assertEqual(repr(callers), "<Callers: 1>")
        inner.lost = True
        callers.left(inner)
        callers.left(inner)
        self.assertEqual(repr(callers), "<Callers: 0>")
