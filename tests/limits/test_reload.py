"""Limits that a reload brings, changes and takes away."""

from __future__ import annotations

from dataclasses import replace

from pipetwist.kinds.limit_options import LimitOptions, UserLimitOptions
from tests.service.reload_case import TOOL, ReloadTestCase


class ReloadTest(ReloadTestCase):
    """A tree that runs."""

    def test_in_place(self) -> None:
        """Other limits change neither the listener nor an outbound's commands, and hold for an open
        connection at once.
        """
        tree = self.start()
        self.connect()
        inbound, outbound = tree.inbounds["in"], tree.outbounds["tool"]
        limits = tree.relay.connection_table.limits
        (connection,) = tree.relay.connection_table.connections()
        self.assertEqual((bool(limits), limits._flows), (False, {}))
        self.reload(
            tree,
            inbounds=(replace(self.inbound(), limits=LimitOptions(up_mbps=1.0)),),
            outbounds=(replace(TOOL, limits=LimitOptions(max_connections=1)),),
        )
        self.assertIs(tree.inbounds["in"], inbound)
        self.assertIs(tree.outbounds["tool"], outbound)
        (flow,) = limits._flows[connection]
        self.assertEqual([rate.name for rate in flow._rates], ["up_mbps of inbound in"])
        self.assertEqual(limits.admission.figures("outbound", "tool"), (1, 1))
        self.reload(tree, inbounds=(self.inbound(),), outbounds=(TOOL,))
        self.assertEqual((bool(limits), limits._flows), (False, {}))
        self.assertEqual(limits.admission.figures("outbound", "tool"), (0, 0))
        self.assertEqual(tree.relay.open_connections, 1)

    def test_unchanged(self) -> None:
        """A reload that changes no limits leaves the flows of connections as they are."""
        default = UserLimitOptions(up_mbps=1.0)
        bounded = replace(self.inbound(), limits=LimitOptions(down_mbps=1.0))
        tree = self.start(bounded, default_limits=default)
        self.connect()
        limits = tree.relay.connection_table.limits
        before = dict(limits._flows)
        self.assertEqual(len(before), 1)
        self.reload(tree, drain_timeout=3.0)
        self.assertEqual(limits._flows, before)
