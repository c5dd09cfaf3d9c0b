"""The views of ``pipetwist top`` of what a control service says."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.top.asking import Known, Snapshot
from pipetwist.cli.top.state import TopState, View
from pipetwist.client.rates import Listed
from pipetwist.control.wire.control_pb2 import EntityLimits, FailedConnections, OpenConnection
from tests.cli.top_samples import NOW, entity, known, lines, quota, sample

_GB = 10**9


class _ViewCase(SynchronousTestCase):
    view: View

    def rows(
        self, now: Known, before: Known | None = None, *keys: str, width: int = 160
    ) -> list[str]:
        """The headings, and what stands below."""
        state = TopState()
        state.view = self.view
        for key in keys:
            state.press(key)
        earlier = None if before is None else sample(1.0, {}, before)
        snapshot = Snapshot(earlier, sample(3.0, {}, now), has_control=True)
        return lines(snapshot, state, width=width)[2:-1]


class LimitsTest(_ViewCase):
    """Limits and quotas."""

    view = "limits"

    def test_whole(self) -> None:
        """Each limit with what is used and left of it, a row for each quota; who is refused comes
        first, and then who is held; who has no limits is not here.
        """
        alice = entity(
            "user_alice",
            quota(_GB, 4 * _GB),
            quota(0, _GB, "day-up"),
            limits=EntityLimits(up_mbps=20, down_mbps=0.5, max_connections=50),
            open=3,
            held_up=2.0,
        )
        bob = entity("user_bob", quota(_GB, _GB), closed="bob has used up its quota")
        idle = entity("inbound_in", limits=EntityLimits(down_mbps=100))
        self.assertEqual(
            self.rows(
                known(idle, alice, bob, entity("outbound_out", open=3)),
                known(entity("user_alice", held_up=1.0)),
            ),
            [
                (
                    "         name   up/down Mbit/s     open  quota              of     used"
                    "     left                      anew in  state"
                ),
                (
                    "user     bob                          0  month-1-both  954 MiB  954 MiB"
                    "      0 B  [##########]  100%    1d 1h  refused: bob has used up its quota"
                ),
                (
                    "user     alice          20/0.5  3 of 50  month-1-both  3.7 GiB  954 MiB"
                    "  2.8 GiB  [##--------]   25%    1d 1h  held up 50%"
                ),
                (
                    "                                         day-up        954 MiB      0 B"
                    "  954 MiB  [----------]    0%    1d 1h"
                ),
                "inbound  in              -/100        0",
            ],
        )

    def test_others(self) -> None:
        """Whatever else is limited has a column where somebody has that; who is refused may be held
        as well.
        """
        limits = EntityLimits(max_sources=3, connections_per_second=0.5, expires=NOW + 7200)
        alice = entity("user_alice", limits=limits, sources=2, closed="it is over", held_down=2.0)
        self.assertEqual(
            self.rows(known(alice), known(entity("user_alice", held_down=1.0))),
            [
                "      name   open  sources  new/s  expires in  state",
                "user  alice     0   2 of 3    0.5       2h 0m  held down 50%, refused: it is over",
            ],
        )

    def test_narrow(self) -> None:
        """At 32 columns there is the name, which share is used, and the state."""
        bob = entity("user_bob", quota(_GB, _GB), closed="user bob has used up its quota")
        self.assertEqual(
            [line.split() for line in self.rows(known(bob), width=32)[-2:]],
            [["name", "state"], ["user", "bob", "100%", "refused"]],
        )

    def test_sorted(self) -> None:
        """By what is used, or by names."""
        users = [
            entity(f"user_{name}", quota(used, 10)) for name, used in (("a", 1), ("b", 9), ("c", 5))
        ]
        for keys, names in ((("s",), "bca"), (("s", "s"), "abc")):
            rows = self.rows(known(*users), None, *keys)
            self.assertEqual("".join(line.split()[1] for line in rows[1:]), names)

    def test_none(self) -> None:
        """Where nothing has limits it says so."""
        self.assertEqual(
            self.rows(known(entity("user_alice"))), ["Nothing has limits that are known here."]
        )


class FailuresTest(_ViewCase):
    """Connections that failed."""

    view = "failures"

    def test_whole(self) -> None:
        """Each cause of each outbound, the latest first, with why, on one line; rejected clients
        have no outbound.
        """
        failures = (
            FailedConnections(inbound="in", cause="refused", count=2, last=NOW - 3600),
            FailedConnections(
                inbound="in",
                outbound="plugin",
                cause="connect",
                count=380,
                last=NOW - 5,
                reason="outbound: plugin: refused\n",
            ),
        )
        self.assertEqual(
            self.rows(known(failures=failures), width=90),
            [
                "outbound  inbound  failed  cause         last  reason of the last",
                "plugin    in          380  connect     5s ago  outbound: plugin: refused\\n",
                "-         in            2  refused  1h 0m ago",
            ],
        )

    def test_none(self) -> None:
        """Where nothing has failed it says so."""
        self.assertEqual(self.rows(known()), ["No connection has failed since the start."])


class ConnectionsTest(_ViewCase):
    """Open connections."""

    view = "connections"

    def listed(self, number: int, rate: float | None, **said: object) -> Listed:
        """A connection."""
        one = OpenConnection(
            id=f"{number}@9", inbound="in", outbound="out", peer="192.0.2.7", age=75
        )
        for key, value in said.items():
            setattr(one, key, value)
        return Listed(one, rate, None if rate is None else 0.0)

    def test_whole(self) -> None:
        """The fastest first, with what it waits for; by Enter of a filter the others."""
        found = known(
            connections=[
                self.listed(1, 1.0, user="alice", uplink=5, held_by="down_mbps of user alice"),
                self.listed(2, 2048.0, peer="\x1b[2J"),
            ]
        )
        rows = self.rows(found)
        self.assertEqual(
            rows[0].split(),
            [
                *("user", "inbound", "outbound", "client", "age", "uplink/s", "downlink/s"),
                *("uplink", "downlink", "held", "by", "id"),
            ],
        )
        self.assertEqual(
            [line.split()[:7] for line in rows[1:]],
            [
                ["-", "in", "out", "\\x1b[2J", "1m", "15s", "2.0"],
                ["alice", "in", "out", "192.0.2.7", "1m", "15s", "1"],
            ],
        )
        self.assertIn("down_mbps of user alice  1@9", rows[2])
        self.assertEqual(len(self.rows(found, None, "/", *"ALICE", "enter")), 2)

    def test_none(self) -> None:
        """Where none is open, or nothing is known yet, it says so."""
        self.assertEqual(self.rows(known(connections=[])), ["No connection is open."])
        self.assertEqual(self.rows(known()), ["Asking..."])
