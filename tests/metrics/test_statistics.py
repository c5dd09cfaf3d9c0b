"""Counting connections."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.connection.cause import Cause
from pipetwist.interfaces import IConnectionObserver
from pipetwist.metrics.statistics import BOUNDS, ConnectionStatistics, LastFailure
from tests.support.connection_records import made_up

_ENDS = st.sampled_from([("a", "x"), ("a", "y"), ("b", "x")])
_CONNECTIONS = st.lists(
    st.tuples(
        _ENDS,
        st.none()
        | st.tuples(st.floats(0, 1e6), st.none() | st.sampled_from(Cause), st.integers(0, 9)),
    ),
    max_size=20,
)


class StatisticsTest(SynchronousTestCase):
    """Statistics that observe connections."""

    def test_interface(self) -> None:
        """It observes."""
        verifyObject(IConnectionObserver, ConnectionStatistics())

    def test_bounds(self) -> None:
        """A duration belongs to the first bound that it does not exceed, and one beyond all to
        none.
        """
        for seconds, place in (
            (0, 0),
            (BOUNDS[0], 0),
            (BOUNDS[0] + 0.001, 1),
            (BOUNDS[-1], len(BOUNDS) - 1),
            (BOUNDS[-1] + 1, len(BOUNDS)),
        ):
            statistics = ConnectionStatistics()
            statistics.opened(made_up("a", "x"))
            statistics.closed(made_up("a", "x"), seconds)
            self.assertEqual(statistics.pairs()["a", "x"].durations.index(1), place)

    def test_away(self) -> None:
        """A rejected client is counted by the inbound and the cause, and it is known when the last
        one came.
        """
        times = iter((1.0, 2.0, 3.0))
        statistics = ConnectionStatistics(lambda: next(times))
        for inbound, cause in (("a", Cause.REFUSED), ("a", Cause.REFUSED), ("b", Cause.HANDSHAKE)):
            statistics.rejected(inbound, cause)
        self.assertEqual(
            statistics.rejections(), {("a", Cause.REFUSED): 2, ("b", Cause.HANDSHAKE): 1}
        )
        self.assertEqual(statistics.last_rejection("a", Cause.REFUSED), LastFailure(2.0, ""))

    def test_last(self) -> None:
        """Of each cause it is known when the last connection failed, and why."""
        times = iter((1.0, 2.0, 3.0))
        statistics = ConnectionStatistics(lambda: next(times))
        for cause in (Cause.CONNECT, Cause.SERVER, None, Cause.CONNECT):
            record = made_up("a", "x", cause, 0)
            record.reason = f"reason of {cause}"
            statistics.opened(record)
            statistics.closed(record, 1.0)
        self.assertEqual(
            statistics.pairs()["a", "x"].last,
            {
                Cause.CONNECT: LastFailure(3.0, "reason of Cause.CONNECT"),
                Cause.SERVER: LastFailure(2.0, "reason of Cause.SERVER"),
            },
        )

    @settings(derandomize=True, deadline=None)
    @given(_CONNECTIONS)
    def test_anything(
        self, connections: list[tuple[tuple[str, str], tuple[float, Cause | None, int] | None]]
    ) -> None:
        """Whatever comes, each connection counts once where it belongs, and what is not over is
        open.
        """
        statistics = ConnectionStatistics()
        for ends, _ in connections:
            statistics.opened(made_up(*ends))
        for ends, end in connections:
            if end is not None:
                statistics.closed(made_up(*ends, *end[1:]), end[0])
        for ends, way in statistics.pairs().items():
            own = [end for other, end in connections if other == ends]
            over = [end for end in own if end is not None]
            self.assertEqual((way.opened, sum(way.durations)), (len(own), len(over)))
            self.assertAlmostEqual(way.seconds, sum(seconds for seconds, _, _ in over), places=3)
            self.assertEqual(way.dropped, sum(dropped for _, _, dropped in over))
            for cause, count in way.failures.items():
                self.assertEqual(count, [its for _, its, _ in over].count(cause))
        self.assertEqual(set(statistics.pairs()), {ends for ends, _ in connections})
