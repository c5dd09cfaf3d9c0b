"""What went wrong, as it is told to the page."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import Mock

from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.cause import Cause
from pipetwist.control.status import LastReload, Listener, Status
from pipetwist.limits.notices import Notices
from pipetwist.page import problems as problems_module
from pipetwist.page.problems import Problems, ProblemSources
from tests.support.pretended_relay import PretendedRelay

_NOTHING: dict[str, object] = {
    "failed": 0,
    "commands": 0,
    "rejected": 0,
    "dropped": 0,
    "failures": [],
    "bad_commands": [],
    "rejections": [],
    "drops": [],
    "refused": {},
    "limits": [],
    "reached": 0,
    "not_listening": [],
    "reload": None,
    "lost_records": 0,
}
_WELL = Status("0", 0.0, 0.0, (Listener("inbound in", "in.sock", True),), 0, 0, (), (), (), None)


class ProblemsTest(SynchronousTestCase):
    """The connections of a relay that carries nothing."""

    def setUp(self) -> None:
        """Have some, and look at nothing that goes wrong yet."""
        self.clock = Clock()
        self.clock.advance(5)
        self.status = _WELL
        self.dropped: dict[tuple[str, str], int] = {("in", "out"): 0}
        self.lost = 0
        self.notices = Notices(self.clock, Logger())
        sources = ProblemSources(
            lambda: self.status,
            self.notices,
            lambda then: self.clock.seconds() - then,
            lambda: self.dropped,
            lambda: self.lost,
        )
        self.problems = Problems(lambda: 1000.0 + self.clock.seconds(), sources)
        self.open = PretendedRelay(connections=9).connection_table.connections()

    def told(self) -> dict[str, Any]:
        """What is told, without what is told where nothing went wrong."""
        told = json.loads(json.dumps(self.problems.document()))
        self.assertEqual(told.keys(), _NOTHING.keys())
        return {key: value for key, value in told.items() if value != _NOTHING[key]}

    def end(self, place: int, cause: Cause | None, reason: str) -> dict[str, object]:
        """A connection ends; which."""
        connection = self.open[place]
        connection.cause, connection.reason = cause, reason
        self.problems.closed(connection, 1.0)
        return {
            "inbound": connection.client_info.inbound,
            "outbound": connection.outbound,
            "id": connection.number,
        }

    def test_nothing(self) -> None:
        """Where nothing went wrong nothing is told, whatever somebody has closed."""
        for place, cause in enumerate((None, Cause.CLOSED, Cause.STOPPED)):
            self.end(place, cause, "closed")
        self.assertEqual(self.told(), {})

    def test_failures(self) -> None:
        """Of failures with the same cause on the same way there is how many they are, and the last
        one's time, number and reason; the latest come first.
        """
        self.end(0, Cause.CONNECT, "first")
        self.clock.advance(10)
        last = self.end(0, Cause.CONNECT, "second")
        self.clock.advance(10)
        other = self.end(1, Cause.INACTIVITY, "no byte")
        self.assertEqual(
            self.told(),
            {
                "failed": 3,
                "failures": [
                    {
                        **other,
                        "cause": "inactivity",
                        "count": 1,
                        "time": 1025.0,
                        "reason": "no byte",
                    },
                    {**last, "cause": "connect", "count": 2, "time": 1015.0, "reason": "second"},
                ],
            },
        )

    def test_commands(self) -> None:
        """A command that ended badly is no other failure."""
        self.open[2].server = Mock(process=Mock(pid=4711))
        one = self.end(2, Cause.SERVER, "server: the command exited with status 3")
        told = self.told()
        self.assertEqual(told.keys(), {"commands", "bad_commands"})
        self.assertEqual((told["commands"], told["bad_commands"][0]["id"]), (1, one["id"]))

    def test_rejected(self) -> None:
        """Clients who became no connection are told of by inbound and cause."""
        for cause in (Cause.REFUSED, Cause.REFUSED, Cause.HANDSHAKE):
            self.problems.rejected("in", cause)
        told = self.told()
        self.assertEqual(told["rejected"], 3)
        self.assertEqual(
            {one["cause"]: (one["inbound"], one["count"]) for one in told["rejections"]},
            {"refused": ("in", 2), "handshake": ("in", 1)},
        )

    def test_limits(self) -> None:
        """A limit that was reached is told of with how often, and when it last was by the time of
        day.
        """
        for _ in range(3):
            self.notices.hit("user alice", "down_mbps", "bytes are held back")
        self.clock.advance(7)
        self.assertEqual(
            self.told(),
            {
                "reached": 1,
                "limits": [
                    {
                        "whose": "user alice",
                        "limit": "down_mbps",
                        "what": "bytes are held back",
                        "count": 3,
                        "time": 1005.0,
                    }
                ],
            },
        )

    def test_others(self) -> None:
        """So are datagrams that were dropped, records that were lost, what does not listen, a
        reload that failed, and what limits have refused.
        """
        self.dropped = {("in", "out"): 2, ("in", ""): 5}
        self.lost = 4
        self.status = _WELL._replace(
            listeners=(*_WELL.listeners, Listener("metrics", "", False)),
            refused=(("quota", 3),),
            reload=LastReload(900.0, "no"),
        )
        self.assertEqual(
            self.told(),
            {
                "dropped": 7,
                "drops": [
                    {"inbound": "in", "outbound": None, "count": 5},
                    {"inbound": "in", "outbound": "out", "count": 2},
                ],
                "lost_records": 4,
                "not_listening": [{"name": "metrics", "address": ""}],
                "reload": {"time": 900.0, "problem": "no"},
                "refused": {"quota": 3},
            },
        )

    def test_good_reload(self) -> None:
        """A reload that was applied is no problem."""
        self.status = _WELL._replace(reload=LastReload(900.0, ""))
        self.assertEqual(self.told(), {})

    def test_bounded(self) -> None:
        """Of very many kinds of failures the latest are listed, and all are counted."""
        self.patch(problems_module, "MAX_PROBLEMS", 2)
        for tag in ("a", "b", "c"):
            self.clock.advance(1)
            self.problems.rejected(tag, Cause.REFUSED)
            self.notices.hit(f"user {tag}", "down_mbps", "bytes are held back")
        self.addCleanup(self.notices.stop)
        told = self.told()
        self.assertEqual([one["whose"] for one in told["limits"]], ["user c", "user b"])
        self.assertEqual(told["reached"], 3)
        self.assertEqual([one["inbound"] for one in told["rejections"]], ["c", "b"])
        self.assertEqual(told["rejected"], 3)
