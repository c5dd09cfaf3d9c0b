"""Who is online, asked of servers that know different calls."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.client.calls import StatsCalls, UnsupportedError
from pipetwist.client.online import read_online
from pipetwist.stats.online import OnlineUsers
from tests.support.api_server import start_api, target_of
from tests.support.foreign_servers import (
    FirstOnlineXray,
    SingBox,
    V2Ray4,
    V2Ray5,
    Xray,
    calls_to,
    server_of,
)

_ONLINE = {"alice": {"192.0.2.1": 100, "192.0.2.2": 200}}


class OnlineTest(SynchronousTestCase):
    """Users and sources."""

    def test_xray(self) -> None:
        """Each age of Xray gives the same answer, the newest with one call."""
        for methods in (
            ("GetStatsOnlineIpList", "GetAllOnlineUsers", "GetUsersStats"),
            ("GetStatsOnlineIpList", "GetAllOnlineUsers"),
            ("GetStatsOnlineIpList",),
        ):
            servicer = Xray(*methods)
            self.assertEqual(read_online(calls_to(self, servicer)), _ONLINE, methods)
            if "GetUsersStats" in methods:
                self.assertEqual([name for name, _ in servicer.calls], ["GetUsersStats"])

    def test_nobody(self) -> None:
        """An Xray with nobody online is no error, with or without users."""
        for methods in (
            ("GetStatsOnlineIpList",),
            ("GetStatsOnlineIpList", "GetAllOnlineUsers", "GetUsersStats"),
        ):
            servicer = Xray(*methods)
            servicer.online = {}
            self.assertEqual(read_online(calls_to(self, servicer)), {})
            servicer.counters = {}
            self.assertEqual(read_online(calls_to(self, servicer)), {})

    def test_counts_alone(self) -> None:
        """The first Xray that knows says from how many sources, and UNKNOWN of a user that it has
        never seen.
        """
        servicer = FirstOnlineXray()
        servicer.counters["user>>>carol>>>traffic>>>uplink"] = 1
        calls = calls_to(self, servicer)
        self.assertEqual(read_online(calls), {"alice": 2})
        servicer.online = {}
        self.assertEqual(read_online(calls), {})

    def test_unsupported(self) -> None:
        """V2Ray, sing-box and the oldest Xrays do not know, whether or not they count users, and
        the error says who does.
        """
        for servicer in (V2Ray4(), V2Ray5(), SingBox(), Xray()):
            calls = calls_to(self, servicer)
            for counters in (servicer.counters, {}):
                servicer.counters = counters
                error = self.assertRaises(UnsupportedError, read_online, calls)
                self.assertIn("can't list who is online", str(error))

    def test_pipetwist(self) -> None:
        """Pipetwist tells its users and their sources."""
        online = OnlineUsers(lambda: 100.0)
        online.opened("alice", "192.0.2.1")
        online.opened("bob", "pid:7")
        online.closed("bob", "pid:7")
        calls = StatsCalls(server_of(target_of(start_api(self, online=online))))
        self.addCleanup(calls.close)
        self.assertEqual(read_online(calls), {"alice": {"192.0.2.1": 100}})
