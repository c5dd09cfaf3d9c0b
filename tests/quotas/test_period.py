"""Periods of the calendar, in every time zone."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.period import Per, Period, Span

_ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",  # where clocks are put back to midnight
    "Asia/Beirut",  # where they are put on at midnight
    "Asia/Kathmandu",
    "Pacific/Apia",  # which has left a day out
)
_BERLIN = ZoneInfo("Europe/Berlin")


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _span(per: Per, when: str, starts: int = 1) -> tuple[str, str]:
    span = Period(per, starts).span(_seconds(when), _BERLIN)
    assert span.end is not None
    texts = [
        datetime.fromtimestamp(end, _BERLIN).isoformat(sep=" ") for end in (span.begin, span.end)
    ]
    return texts[0], texts[1]


class PeriodTest(SynchronousTestCase):
    """`Period`."""

    def test_hour(self) -> None:
        """An hour of the clock; the one that a clock shows twice is two."""
        self.assertEqual(
            _span("hour", "2026-11-28T13:59:59+01:00"),
            ("2026-11-28 13:00:00+01:00", "2026-11-28 14:00:00+01:00"),
        )
        for offset in ("+02:00", "+01:00"):
            self.assertEqual(
                _span("hour", f"2026-10-25T02:30:00{offset}")[0], f"2026-10-25 02:00:00{offset}"
            )

    def test_day(self) -> None:
        """From midnight to midnight, however many hours that is."""
        self.assertEqual(
            _span("day", "2026-10-25T12:00:00+01:00"),
            ("2026-10-25 00:00:00+02:00", "2026-10-26 00:00:00+01:00"),
        )

    def test_week(self) -> None:
        """From Monday on."""
        for when in ("2026-11-23T00:00:00+01:00", "2026-11-29T23:59:59+01:00"):
            self.assertEqual(
                _span("week", when), ("2026-11-23 00:00:00+01:00", "2026-11-30 00:00:00+01:00")
            )

    def test_month(self) -> None:
        """From the first, or from the day that it starts on."""
        self.assertEqual(
            _span("month", "2026-12-31T12:00:00+01:00"),
            ("2026-12-01 00:00:00+01:00", "2027-01-01 00:00:00+01:00"),
        )
        self.assertEqual(
            _span("month", "2027-01-14T23:59:59+01:00", 15),
            ("2026-12-15 00:00:00+01:00", "2027-01-15 00:00:00+01:00"),
        )
        self.assertEqual(
            _span("month", "2027-02-28T00:00:00+01:00", 28),
            ("2027-02-28 00:00:00+01:00", "2027-03-28 00:00:00+01:00"),
        )

    def test_all(self) -> None:
        """All time is one period."""
        span = Period().span(_seconds("2026-11-28T12:00:00+01:00"), None)
        self.assertEqual(span, Span(0, None))
        self.assertTrue(span.holds(2.0**40))

    def test_midnight_left_out(self) -> None:
        """Where a clock is put on at midnight, the day begins at that moment."""
        begin = Period("day").span(_seconds("2026-03-29T12:00:00+03:00"), ZoneInfo("Asia/Beirut"))
        self.assertEqual(begin.begin, _seconds("2026-03-29T00:00:00+02:00"))

    def test_system_zone(self) -> None:
        """Without a zone it is the system's."""
        when = _seconds("2026-11-28T12:30:00+00:00")
        here = datetime.fromtimestamp(when).astimezone().tzinfo
        self.assertEqual(Period("day").span(when, None), Period("day").span(when, here))

    @given(
        st.sampled_from(("hour", "day", "week", "month")),
        st.integers(1, 28),
        st.sampled_from(_ZONES),
        st.integers(1_000_000_000, 2_500_000_000),
    )
    def test_any(self, per: Per, starts: int, zone: str, when: int) -> None:
        """A moment is in its period, which is the same for each moment in it, and the next one
        begins where it ends.
        """
        period, where = Period(per, starts), ZoneInfo(zone)
        span = period.span(when, where)
        self.assertTrue(span.holds(when), span)
        assert span.end is not None
        for moment in (span.begin, span.end - 1):
            self.assertEqual(period.span(moment, where), span)
        following = period.span(span.end, where)
        self.assertEqual(following.begin, span.end)


class CalendarTest(SynchronousTestCase):
    """`Calendar`."""

    def setUp(self) -> None:
        """A clock that is set by hand."""
        self.when = float(_seconds("2026-11-28T12:59:59+00:00"))
        self.calendar = Calendar(lambda: self.when, timezone.utc)
        self.hour = self.calendar.current(Period("hour"))
        self.day = self.calendar.current(Period("day"))

    def test_shared(self) -> None:
        """Whoever has periods of the same kind shares one object."""
        self.assertIs(self.calendar.current(Period("hour")), self.hour)
        self.assertIn("a day", repr(self.day))
        self.assertIn("an hour", repr(self.hour))

    def test_look(self) -> None:
        """A look says whether another has begun, forwards and backwards."""
        day, hour = self.day.span, self.hour.span
        self.assertFalse(self.calendar.look())
        self.when += 1
        self.assertTrue(self.calendar.look())
        self.assertEqual(self.hour.span.begin, hour.end)
        self.assertEqual(self.day.span, day)
        self.when -= 1
        self.assertTrue(self.calendar.look())
        self.assertEqual(self.hour.span, hour)

    def test_another_zone(self) -> None:
        """Another zone has other days."""
        self.assertFalse(self.calendar.move(timezone.utc))
        self.assertTrue(self.calendar.move(_BERLIN))
        self.assertEqual(self.day.span.begin, _seconds("2026-11-28T00:00:00+01:00"))
