"""How many connections each name has, and how many came to nothing."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.cause import Cause
from pipetwist.page import tallies as tallies_module
from pipetwist.page.tallies import NameTallies
from pipetwist.stats.names import Entity
from pipetwist.steps import at_once
from tests.support.pretended_relay import PretendedRelay


class TalliesTest(SynchronousTestCase):
    """The connections of a relay that carries nothing."""

    def setUp(self) -> None:
        """Have connections that come while they are counted."""
        self.refused: dict[tuple[Entity, str], int] = {}
        self.relay = PretendedRelay(connections=0, users=("alice", None))
        self.tallies = NameTallies(lambda: self.refused)
        self.relay.connection_table.observe(self.tallies)
        for _ in range(40):
            self.relay.connect()
        self.open = self.relay.connection_table.connections()

    def told(self) -> Any:
        """What is told."""
        return json.loads(at_once(self.tallies.document()))

    def close(self, place: int, cause: Cause | None) -> tuple[str, str, str | None]:
        """A connection ends; its inbound, outbound and user."""
        connection = self.open[place]
        connection.cause = cause
        self.relay.connection_table.close(connection)
        return connection.client_info.inbound, connection.outbound, connection.client_info.user

    def test_open(self) -> None:
        """Each connection counts for its inbound and its outbound, and for its user if it has one,
        until it is over.
        """
        self.close(0, None)
        told = self.told()
        for entity, of in (
            ("inbound", lambda one: one.client_info.inbound),
            ("outbound", lambda one: one.outbound),
            ("user", lambda one: one.client_info.user),
        ):
            names = {of(one) for one in self.open} - {None}
            self.assertEqual(
                {name: told[entity][name]["open"] for name in told[entity]},
                {name: sum(of(one) == name for one in self.open[1:]) for name in names},
            )

    def test_failed(self) -> None:
        """What fails is counted, and what somebody has closed is not."""
        inbound, outbound, user = self.close(1, Cause.SERVER)
        place = next(
            place
            for place, one in enumerate(self.open)
            if place > 1 and one.client_info.inbound == inbound and one.outbound == outbound
        )
        for wanted in (Cause.CLOSED, Cause.STOPPED, None):
            connection = self.open[place]
            connection.cause = wanted
            self.tallies.closed(connection, 1.0)
        told = self.told()
        self.assertEqual(
            (told["inbound"][inbound]["failed"], told["outbound"][outbound]["failed"]), (1, 1)
        )
        if user is not None:
            self.assertEqual(told["user"][user]["failed"], 1)

    def test_refused(self) -> None:
        """Of an inbound every client that it refused is counted, of others what their limits have
        refused.
        """
        self.tallies.rejected("locked", Cause.REFUSED)
        self.tallies.rejected("locked", Cause.REFUSED)
        self.tallies.rejected("locked", Cause.HANDSHAKE)
        self.refused["user", "alice"] = 7
        told = self.told()
        self.assertEqual(told["inbound"]["locked"], {"open": 0, "failed": 1, "refused": 2})
        self.assertEqual(told["user"]["alice"]["refused"], 7)

    def test_bounded(self) -> None:
        """Of too many names those with the most connections are told, in steps."""
        self.patch(tallies_module, "MAX_NAMES", 2)
        self.patch(tallies_module, "PIECE", 1)
        told = self.told()
        counts = sorted(
            (sum(one.client_info.inbound == tag for one in self.open), tag)
            for tag in {one.client_info.inbound for one in self.open}
        )
        self.assertEqual(set(told["inbound"]), {tag for _, tag in counts[-2:]})
        # two inbounds, two outbounds and a user; and all inbounds and outbounds were compared
        self.assertEqual(len(list(self.tallies.document())), 5 + 2)
