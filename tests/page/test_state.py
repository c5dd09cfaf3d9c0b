"""What an operator sees at a glance, as it is told to the page."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.pretended_relay import PretendedRelay


class StateTest(SynchronousTestCase):
    """A relay that carries nothing."""

    def setUp(self) -> None:
        """Have one."""
        self.relay = PretendedRelay(connections=40)

    def told(self) -> Any:
        """What is told."""
        return json.loads(json.dumps(self.relay.state.state.document()))

    def test_nothing(self) -> None:
        """Of limits and plug-ins that nobody has configured there is nothing."""
        told = self.told()
        self.assertEqual(told.keys(), {"listed", "problems"})
        self.assertEqual(told["listed"], {"inbound": True, "outbound": True, "user": True})

    def test_everything(self) -> None:
        """Where there are some, who is held back now is there, and what each plug-in is doing."""
        self.relay.get_into_trouble()
        self.addCleanup(self.relay.connection_table.limits.quotas.stop)  # type: ignore[union-attr]  # there are some now
        told = self.told()
        self.assertEqual(told["held"], {"count": 0, "rates": []})
        ready, restarting, lazy = told["plugins"]
        self.assertEqual(
            (ready["label"], ready["state"], ready["ready_seconds"], ready["restarts"]),
            ("outbound obfs", "ready", 7384.0, 0),
        )
        self.assertEqual((restarting["state"], restarting["pause"]), ("waiting", 12.5))
        self.assertIn("failed to load the state file", restarting["why"])
        self.assertEqual((lazy["state"], lazy["pid"], lazy["why"]), ("stopped", None, ""))
        self.assertEqual(told["problems"]["rejected"], 14)
