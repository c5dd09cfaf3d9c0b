"""Rows and rates, from counters."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.traffic import Reading, Row, in_order, rates, rows


class RowsTest(SynchronousTestCase):
    """Uplink and downlink side by side."""

    def test_rows(self) -> None:
        """The two counters of an entity are one row, in the order in which entities come; one of
        the two is enough.
        """
        names = [
            "user>>>a>>>traffic>>>downlink",
            "user>>>a>>>traffic>>>uplink",
            "inbound>>>b>>>traffic>>>uplink",
        ]
        self.assertEqual(
            rows(dict.fromkeys(names)),
            (
                [
                    Row(
                        "user", "a", "user>>>a>>>traffic>>>uplink", "user>>>a>>>traffic>>>downlink"
                    ),
                    Row(
                        "inbound",
                        "b",
                        "inbound>>>b>>>traffic>>>uplink",
                        "inbound>>>b>>>traffic>>>downlink",
                    ),
                ],
                [],
            ),
        )

    def test_others(self) -> None:
        """Names of another form are no rows."""
        names = [
            "a",
            "user>>>a>>>online",
            "user>>>a>>>traffic>>>sideways",
            "user>>>a>b>>>c>>>traffic>>>uplink",
        ]
        self.assertEqual(rows(dict.fromkeys(names)), ([], names))


class OrderTest(SynchronousTestCase):
    """Sorting counters."""

    def test_uplink_first(self) -> None:
        """However they are sorted, of one entity the uplink comes first, as in tables; other names
        are in their order.
        """
        values = {
            "user>>>b>>>traffic>>>downlink": 9,
            "other": 1,
            "user>>>a>>>traffic>>>downlink": 5,
            "user>>>a>>>traffic>>>uplink": 4,
            "user>>>b>>>traffic>>>uplink": 3,
        }
        expected = {
            "name": ["other", "a>>>up", "a>>>down", "b>>>up", "b>>>down"],
            "total": ["b>>>up", "b>>>down", "a>>>up", "a>>>down", "other"],
        }
        for by, names in expected.items():
            found = [
                name.replace("user>>>", "").replace("traffic>>>", "").removesuffix("link")
                for name in in_order(values, by)
            ]
            self.assertEqual(found, names)


class RatesTest(SynchronousTestCase):
    """Growth in a second."""

    def test_growth(self) -> None:
        """What was added is divided by the time that it took; what is new began at 0, and what has
        gone has no rate.
        """
        self.assertEqual(
            rates(Reading(10.0, {"a": 5, "gone": 1}), Reading(12.0, {"a": 15, "new": 4})),
            {"a": 5.0, "new": 2.0},
        )

    def test_reset(self) -> None:
        """A counter that has become smaller began at 0 again."""
        self.assertEqual(
            rates(
                Reading(0.0, {"a": 100, "wrapped": 100}), Reading(1.0, {"a": 7, "wrapped": -100})
            ),
            {"a": 7.0, "wrapped": 0},
        )
