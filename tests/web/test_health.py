"""What a load balancer is told."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.web.connection_limit import Connections
from pipetwist.web.health import Health
from pipetwist.web.site import MonitoringSite, Root
from tests.support.web_client import Client


class HealthTest(SynchronousTestCase):
    """One client that asks again and again."""

    def test_answers(self) -> None:
        """It is asked anew each time: 200 where nothing is in the way, 503 with what is."""
        reasons = ["these inbounds do not listen yet: in", None, "other"]
        root = Root()
        root.putChild(b"healthz", Health(lambda: reasons.pop(0)))
        client = Client(Connections(MonitoringSite(root, [], Clock())))
        found = [client.ask("/healthz") for _ in range(3)]
        self.assertEqual(
            [(one.status, one.body) for one in found],
            [
                (503, b"these inbounds do not listen yet: in\n"),
                (200, b"ok\n"),
                (503, b"other\n"),
            ],
        )
        self.assertEqual(found[1].headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(found[1].headers["cache-control"], "no-store")
