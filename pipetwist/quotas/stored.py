"""What users have used, read from a daemon's file without asking the daemon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import NamedTuple

from pipetwist.kinds.limit_options import QuotaOptions
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.quota import Quota, counted
from pipetwist.quotas.quota_table import Quotas, quotas_of
from pipetwist.quotas.usage import PeriodCounter, UnwrittenCounter
from pipetwist.storage.layout import Slot
from pipetwist.storage.offline import Figures

__all__ = ["QuotaRow", "Stored", "quota_path"]


def quota_path(store: str) -> str:
    """The file of quotas beside a file of counters."""
    return f"{store}.quotas"


class QuotaRow(NamedTuple):
    """One quota of one user, as it is now.

    Attributes:
        user: the user's name.
        options: the quota.
        used: bytes in this period.
        anew: when it begins anew, in seconds since 1970; None if never.
    """

    user: str
    options: QuotaOptions
    used: int
    anew: int | None

    @property
    def counted(self) -> str:
        """What is counted, and for how long, such as ``month-15-both``."""
        return counted(self.options)

    @property
    def left(self) -> int:
        """Bytes that are left; 0 if more was used."""
        return max(self.options.bytes - self.used, 0)


class Stored:
    """The counters of a file of quotas, at one moment.

    Args:
        figures: what is in the file.
    """

    def __init__(self, figures: Iterable[Figures]) -> None:
        self.counters = {
            one.name: UnwrittenCounter(one.total, one.total - one.value) for one in figures
        }

    def rows(self, quotas: Quotas, now: float, zone: tzinfo | None) -> list[QuotaRow]:
        """What is used, by users.

        Args:
            quotas: of the users that are wanted.
            now: the time of day, in seconds since 1970.
            zone: whose calendar it is; None for the system's time zone.
        """
        made = self._make(quotas, now, zone)
        return [
            QuotaRow(user, options, quota.used, quota.span.end)
            for user, ones in made.items()
            for quota in ones
            for options in quota.options
        ]

    def reset(self, quotas: Quotas, now: float, zone: tzinfo | None) -> None:
        """Begin these quotas anew in the periods that it is."""
        for ones in self._make(quotas, now, zone).values():
            for quota in ones:
                quota.reset()

    def written(self, slots: list[Slot]) -> list[Slot]:
        """The records of the file with what was changed here; see
        `pipetwist.storage.offline.change_counters`.
        """
        found = (self.counters[slot.name].cell for slot in slots)
        return [
            slot._replace(total=total, baseline=baseline)
            for slot, (total, baseline) in zip(slots, found, strict=True)
        ]

    def _make(
        self, quotas: Quotas, now: float, zone: tzinfo | None
    ) -> Mapping[str, tuple[Quota, ...]]:
        calendar = Calendar(lambda: now, zone)
        return {
            user: tuple(
                quotas_of(
                    user, options, calendar, self._counter, self.counters.__contains__, _nobody
                )
            )
            for user, options in quotas.items()
        }

    def _counter(self, name: str) -> PeriodCounter:
        return self.counters.setdefault(name, UnwrittenCounter())


def _nobody(quota: Quota) -> None:
    """Nobody waits for it to be used up."""
