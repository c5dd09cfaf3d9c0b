"""How many connections an outbound may have whose servers are commands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.logger import capturedLogs, formatEvent

from pipetwist.kinds.limit_options import LimitOptions
from pipetwist.service.tree import PipetwistService
from tests.service.reload_case import TOOL, ReloadTestCase

_FULL = "outbound tool has reached max_connections: new connections are refused"


class CommandsTest(ReloadTestCase):
    """An outbound with commands."""

    def begin(self, **keys: Any) -> PipetwistService:
        """Start a tree with such an outbound."""
        return self.start(outbounds=(replace(TOOL, **keys),))

    def test_prefork(self) -> None:
        """Commands that wait for a connection do not count; the connections that get them do."""
        tree = self.begin(prefork=3, limits=LimitOptions(max_connections=2))
        self.reactor.pump([0.1] * 5)
        self.assertEqual(len(self.spawner.processes), 3)
        admission = tree.relay.connection_table.limits.admission
        self.assertEqual(admission.figures("outbound", "tool"), (0, 0))
        with capturedLogs() as events:
            for count in (1, 2, 2):
                self.connect()
                self.assertEqual(admission.figures("outbound", "tool")[0], count)
                self.assertEqual(tree.relay.open_connections, count)
        self.assertIn(_FULL, map(formatEvent, events))

    def test_lower_counts(self) -> None:
        """Of `max_processes` and `max_connections` the lower one decides, and says so."""
        for processes, connections, said in (
            (1, 2, "cannot connect: max_processes (1) commands are running"),
            (2, 1, _FULL),
        ):
            tree = self.begin(
                max_processes=processes, limits=LimitOptions(max_connections=connections)
            )
            with capturedLogs() as events:
                self.connect()
                self.connect()
            self.assertEqual(tree.relay.open_connections, 1)
            lines = [formatEvent(event) for event in events]
            self.assertTrue(any(said in line for line in lines), lines)
            self.stop(tree)
