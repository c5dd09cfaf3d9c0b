"""Which connections are refused, and which end, with clocks that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo
from pipetwist.kinds.limit_options import LimitOptions, UserLimitOptions
from pipetwist.limits.admission import Admission
from pipetwist.limits.limits import Limits
from pipetwist.limits.notices import Notices
from pipetwist.limits.seats import PerSecond, Refusal, source_of
from pipetwist.values.moments import moment

_IN_MARCH = moment("2027-03-01T00:00:00Z", None)


class _Connection:
    """What is admitted."""

    def __init__(
        self, user: str | None = "alice", host: str = "192.0.2.1", outbound: str = "out"
    ) -> None:
        self.client_info = ClientInfo("in", host, host, user, address=(host, 1))
        self.outbound = outbound
        self.dismissed: Refusal | None = None
        self.leave: Callable[[Any], None] | None = None

    def dismiss(self, refusal: Refusal) -> None:
        """See `Admitted`."""
        self.dismissed = refusal
        if self.leave is not None:
            self.leave(self)


class AdmissionTest(SynchronousTestCase):
    """Connections of users and outbounds."""

    def setUp(self) -> None:
        """Have a clock, and a time of day."""
        self.clock = Clock()
        self.today = _IN_MARCH - 1000
        self.admission = Admission(
            self.clock, lambda: self.today, Notices(self.clock, Logger("pipetwist"))
        )

    def limit(self, **limits: Any) -> None:
        """Limit every user."""
        self.admission.configure(Limits(default=UserLimitOptions(**limits)))

    def admit(self, *arguments: Any) -> str:
        """Have another one; why it is refused, empty if it is not."""
        refusal = self.admission.admit(_Connection(*arguments))
        return "" if refusal is None else refusal.limit

    def test_max_connections(self) -> None:
        """The one beyond is refused, of each user by itself, until another one has gone."""
        self.limit(max_connections=2)
        first = _Connection()
        self.assertIsNone(self.admission.admit(first))
        self.assertEqual([self.admit() for _ in range(2)], ["", "max_connections"])
        self.assertEqual(self.admit("bob"), "")
        self.assertEqual([self.admit(None) for _ in range(3)], ["", "", ""])
        self.admission.leave(first)
        self.admission.leave(first)
        self.assertEqual([self.admit(), self.admit()], ["", "max_connections"])
        self.assertEqual(+self.admission.refused, {"max_connections": 2})
        self.assertEqual(self.admission.refused_of, {("user", "alice"): 2})

    def test_told(self) -> None:
        """It is known how many each name was refused, why the last one was, and whether every new
        one would be now, without that counting as one.
        """
        self.limit(max_connections=1, expires="2027-03-01T00:00:00Z")
        self.assertEqual(self.admission.closed("user", "alice"), "")
        first = _Connection()
        self.admission.admit(first)
        self.admit()
        text = "max_connections of user alice is 1"
        self.assertEqual(self.admission.refused_of, {("user", "alice"): 1})
        self.assertEqual(self.admission.closed("user", "alice"), text)
        self.assertEqual(
            (self.admission.closed("user", "bob"), self.admission.closed("outbound", "out")),
            ("", ""),
        )
        self.admission.leave(first)
        self.assertEqual(self.admission.closed("user", "alice"), "")
        self.today = _IN_MARCH + 1
        self.assertIn("has expired", self.admission.closed("user", "alice"))

    def test_outbound(self) -> None:
        """An outbound has bounds too, for all who go there."""
        self.admission.configure(Limits(outbound={"out": LimitOptions(max_connections=1)}))
        self.assertEqual([self.admit(), self.admit("bob")], ["", "max_connections"])
        self.assertEqual(self.admit("bob", "192.0.2.1", "other"), "")

    def test_max_sources(self) -> None:
        """A new source is refused where there are enough, and one that is there already is not."""
        self.limit(max_sources=2)
        hosts = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.2", "192.0.2.1")
        self.assertEqual(
            [self.admit("alice", host) for host in hosts], ["", "", "max_sources", "", ""]
        )
        self.assertEqual(self.admission.figures("user", "alice"), (4, 2))

    def test_max_sources_networks(self) -> None:
        """Addresses of one /64 are one source, and a client that has several of them has one place;
        it is free when the last of them has gone.
        """
        self.limit(max_sources=1)
        first, second = (_Connection(host=f"2001:db8::{number}") for number in (1, 9999))
        self.assertIsNone(self.admission.admit(first))
        self.assertIsNone(self.admission.admit(second))
        self.assertEqual(self.admit("alice", "2001:db8:0:1::1"), "max_sources")
        self.assertEqual(self.admit("alice", "192.0.2.1"), "max_sources")
        self.admission.leave(first)
        self.assertEqual(self.admit("alice", "2001:db8:0:1::1"), "max_sources")
        self.admission.leave(second)
        self.assertEqual(self.admit("alice", "2001:db8:0:1::1"), "")

    def test_sources(self) -> None:
        """One source is an address of IPv4, a /64 of IPv6, and a uid at a unix socket."""
        self.assertEqual(
            source_of(_Connection(host="2001:db8::1").client_info),
            source_of(_Connection(host="2001:db8::ffff:1").client_info),
        )
        self.assertNotEqual(
            source_of(_Connection(host="2001:db8::1").client_info),
            source_of(_Connection(host="2001:db8:0:1::1").client_info),
        )
        self.assertEqual(
            source_of(_Connection(host="fe80::1%eth0").client_info), "fe80000000000000::/64"
        )
        peers = [
            ClientInfo("in", "", f"pid:{pid}", "a", credentials=(pid, uid, 5))
            for pid, uid in ((1, 1000), (2, 1000), (3, 1001))
        ]
        self.assertEqual([source_of(peer) for peer in peers], ["uid:1000", "uid:1000", "uid:1001"])
        self.assertEqual(source_of(ClientInfo("in", "cid:3", "cid:3")), "cid:3")

    def test_connections_per_second(self) -> None:
        """Of those in a second so many are admitted, and one at least."""
        self.limit(connections_per_second=2.0)
        self.assertEqual([self.admit() for _ in range(3)], ["", "", "connections_per_second"])
        self.clock.advance(0.5)
        self.assertEqual([self.admit() for _ in range(2)], ["", "connections_per_second"])
        self.clock.advance(60)
        self.assertEqual([self.admit() for _ in range(3)], ["", "", "connections_per_second"])
        self.limit(connections_per_second=0.1)
        self.clock.advance(20)
        self.assertEqual([self.admit() for _ in range(2)], ["", "connections_per_second"])

    def test_refused_takes_nothing(self) -> None:
        """One that is refused takes nobody's place in the second."""
        self.admission.configure(
            Limits(
                default=UserLimitOptions(connections_per_second=1.0),
                outbound={"out": LimitOptions(max_connections=1)},
            )
        )
        self.assertEqual(self.admit("bob"), "")
        self.assertEqual(self.admit("alice"), "max_connections")
        self.assertEqual(self.admit("alice", "192.0.2.1", "other"), "")

    def test_expires(self) -> None:
        """At that moment all connections of the user end, and new ones are refused."""
        self.limit(expires="2027-03-01T00:00:00Z")
        connections = [_Connection(), _Connection(None)]
        for connection in connections:
            connection.leave = self.admission.leave
            self.assertIsNone(self.admission.admit(connection))
        for _ in range(999):
            self.step(1)
        self.assertIsNone(connections[0].dismissed)
        self.step(1.001)
        refusal = connections[0].dismissed
        assert refusal is not None
        self.assertEqual(refusal.text, "user alice has expired (2027-03-01T00:00:00Z)")
        self.assertIsNone(connections[1].dismissed)
        self.assertEqual(self.admit(), "expires")

    def test_expires_sooner(self) -> None:
        """One that comes later and expires sooner than those who are there ends in time too."""
        later = UserLimitOptions(expires="2027-03-02T00:00:00Z")
        sooner = UserLimitOptions(expires="2027-03-01T00:00:00Z")
        self.admission.configure(Limits(user={"alice": later, "bob": sooner}))
        connections = [_Connection(), _Connection("bob")]
        self.admission.admit(connections[0])
        self.step(995)
        self.admission.admit(connections[1])
        self.step(5.001)
        self.assertEqual([bool(one.dismissed) for one in connections], [False, True])

    def test_cost(self) -> None:
        """A new connection asks for what its own user has, and for nobody else's."""
        asked: list[str] = []

        class Users(dict[str, UserLimitOptions]):
            """Notes who is asked for, and has no list of them."""

            def get(self, name: str, default: Any = None) -> Any:
                asked.append(name)
                return super().get(name, default)

            def values(self) -> Any:
                raise AssertionError

        users = Users({f"user {number}": UserLimitOptions(max_sources=1) for number in range(9)})
        self.admission._limits = Limits(user=users)
        self.assertEqual(self.admit("user 5"), "")
        self.assertEqual(set(asked), {"user 5"})

    def test_set_clock(self) -> None:
        """The time of day is looked at again at least once a minute, since it may be set."""
        self.limit(expires="2027-03-02T00:00:00Z")
        connection = _Connection()
        connection.leave = self.admission.leave
        self.admission.admit(connection)
        self.today = _IN_MARCH + 90_000
        self.clock.advance(61)
        self.assertIsNotNone(connection.dismissed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_reload(self) -> None:
        """One that has expired by a reload ends; one that is one too many stays."""
        connections = [_Connection(), _Connection(), _Connection("bob")]
        for connection in connections:
            connection.leave = self.admission.leave
            self.admission.adopt(connection)
        self.admission.configure(
            Limits(
                default=UserLimitOptions(max_connections=1),
                user={"bob": UserLimitOptions(expires="2020-01-01")},
            )
        )
        self.assertEqual([bool(one.dismissed) for one in connections], [False, False, True])
        self.assertEqual(self.admit(), "max_connections")

    def test_no_timer(self) -> None:
        """There is none where nobody is who expires."""
        self.limit(expires="2027-03-01T00:00:00Z")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        connection = _Connection()
        self.admission.admit(connection)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.admission.leave(connection)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_said(self) -> None:
        """It is said once a minute for each user and limit, with how many more it were."""
        self.limit(max_connections=1, max_sources=1)
        with capturedLogs() as events:
            for _ in range(3):
                self.admit()
                self.admit("bob")
            self.clock.advance(59)
            self.admit()
            self.clock.advance(2)
            self.admit()
        self.assertEqual(
            [formatEvent(event) for event in events if event["log_level"] is LogLevel.info],
            [
                f"user {name} has reached max_connections: new connections are refused{more}"
                for name, more in (
                    ("alice", ""),
                    ("bob", ""),
                    ("alice", "; 2 more times since the last such line"),
                    ("bob", "; 1 more time since the last such line"),
                )
            ],
        )

    def step(self, seconds: float) -> None:
        """Let time pass."""
        self.today += seconds
        self.clock.advance(seconds)


class ModelTest(SynchronousTestCase):
    """Any sequence, against a plain model."""

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(
            st.one_of(
                st.tuples(st.just("come"), st.integers(0, 2), st.integers(0, 3)),
                st.tuples(st.just("go"), st.integers(0, 30), st.just(0)),
                st.tuples(st.just("wait"), st.integers(1, 5), st.just(0)),
                st.tuples(st.just("reload"), st.integers(1, 4), st.integers(1, 3)),
            ),
            max_size=60,
        )
    )
    def test_agrees(self, steps: list[tuple[str, int, int]]) -> None:
        """Who is admitted is who would be by lists of all that are open."""
        clock = Clock()
        admission = Admission(clock, lambda: 0.0, Notices(clock, Logger()))
        bounds = UserLimitOptions(max_connections=3, max_sources=2, connections_per_second=2.0)
        admission.configure(Limits(default=bounds))
        here: list[_Connection] = []
        left: dict[str, float] = {}
        for step, first, second in steps:
            if step == "wait":
                clock.advance(first * 0.25)
                left = {user: min(2.0, count + first * 0.5) for user, count in left.items()}
            elif step == "go" and here:
                admission.leave(here.pop(first % len(here)))
            elif step == "reload":
                bounds = UserLimitOptions(
                    max_connections=first, max_sources=second, connections_per_second=2.0
                )
                admission.configure(Limits(default=bounds))
            elif step == "come":
                one = _Connection(f"user{first}", f"192.0.2.{second}")
                user = f"user{first}"
                mine = [other for other in here if other.client_info.user == user]
                sources = {other.client_info.source for other in mine}
                wanted = None
                if len(mine) >= (bounds.max_connections or 0):
                    wanted = "max_connections"
                elif one.client_info.source not in sources and len(sources) >= (
                    bounds.max_sources or 0
                ):
                    wanted = "max_sources"
                elif left.setdefault(user, 2.0) < 1:
                    wanted = "connections_per_second"
                found = admission.admit(one)
                self.assertEqual(found and found.limit, wanted)
                if found is None:
                    here.append(one)
                    left[user] -= 1
            for user in ("user0", "user1", "user2"):
                mine = [other for other in here if other.client_info.user == user]
                self.assertEqual(
                    admission.figures("user", user),
                    (len(mine), len({other.client_info.source for other in mine})),
                )


class PerSecondTest(SynchronousTestCase):
    """The bucket of one second."""

    def test_shown(self) -> None:
        """It shows what is left, and how long one has to wait."""
        bucket = PerSecond(0.0, 0.5)
        self.assertEqual(repr(bucket), "<PerSecond 0.5: 1 left>")
        bucket.take()
        self.assertEqual((bucket.left(0.0), bucket.seconds_until_one()), (0, 2.0))
        self.assertEqual(bucket.left(2.0), 1)
