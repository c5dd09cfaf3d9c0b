"""The quotas of all users, and which of them are used up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from functools import partial
from itertools import groupby, islice
from typing import TypeAlias

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pipetwist.kinds.limit_options import LimitOptions, QuotaOptions
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.period import Period
from pipetwist.quotas.quota import Quota
from pipetwist.quotas.usage import SLOTS, PeriodCounter, UnwrittenCounter, Usage
from pipetwist.values.sizes import format_size

__all__ = ["QuotaTable", "Quotas", "counter_name", "quotas_of"]

Quotas: TypeAlias = Mapping[str, Sequence[QuotaOptions]]
"""The quotas of each user that has some, by its name."""

_LOOK_SECONDS = 1.0
# So many users are told of another period before the reactor does something else.
_AT_ONCE = 50
# So many users' figures are read before it does.
_READ_AT_ONCE = 200


def counter_name(user: str, period: Period, count: str, number: int) -> str:
    """The name of a counter in the file."""
    return f"{user}>>>{period.name}>>>{count}>>>{number}"


def quotas_of(
    user: str,
    options: Iterable[QuotaOptions],
    calendar: Calendar,
    counter: Callable[[str], PeriodCounter],
    has: Callable[[str], bool],
    met: Callable[[Quota], None],
) -> Iterator[Quota]:
    """Make the quotas of a user; those that count the same are one.

    Args:
        user: its name.
        options: them.
        calendar: says which periods it is.
        counter: gets a counter by its name, which it makes where there is none.
        has: whether there is a counter of this name.
        met: see `Quota`.
    """
    for (_, starts, count), group in groupby(sorted(options, key=_counted), _counted):
        ones = tuple(group)
        period = Period(ones[0].per, starts)
        current = calendar.current(period)
        names = [counter_name(user, period, count, number) for number in range(SLOTS)]
        usage = Usage(current.span.begin, partial(_numbered, counter, names), sum(map(has, names)))
        yield Quota(ones, usage, current, met)


def _counted(one: QuotaOptions) -> tuple[str, int, str]:
    """What a quota counts; of two with the same the bytes are counted once."""
    return one.per or "", one.starts if one.per == "month" else 1, one.count


def _first_name(user: str, one: QuotaOptions) -> str:
    """The name of the counter that there is if the user has ever used anything of a quota."""
    _, starts, count = _counted(one)
    return counter_name(user, Period(one.per, starts), count, 0)


def _numbered(
    counter: Callable[[str], PeriodCounter], names: Sequence[str], number: int
) -> PeriodCounter:
    return counter(names[number])


class QuotaTable:
    """The quotas of all users. A user's are made when its first connection comes.

    Args:
        clock: counts the time, for a look at the calendar once a second.
        calendar: says which periods it is.
        counter: gets a counter by its name, which it makes where there is none.
        has: whether there is a counter of this name.
        changed: is called with users' names, in a turn of its own, when other limits hold for them,
            or their connections have to end.
    """

    def __init__(
        self,
        clock: IReactorTime,
        calendar: Calendar,
        counter: Callable[[str], PeriodCounter],
        has: Callable[[str], bool],
        changed: Callable[[Collection[str]], None],
    ) -> None:
        self._clock = clock
        self._calendar = calendar
        self._counter = counter
        self._has = has
        self._changed = changed
        self._options: Callable[[str], Sequence[QuotaOptions]] | None = None
        self._quotas: dict[str, tuple[Quota, ...]] = {}
        # Those of whom something is used up, until they were told that nothing is any more.
        self._met: dict[str, None] = {}
        self._look_call: IDelayedCall | None = None
        self._tell_call: IDelayedCall | None = None
        self._to_tell: dict[str, None] = {}

    def __repr__(self) -> str:
        return (
            f"<QuotaTable of {len(self._quotas)} users who were seen, {len(self._met)} of them at "
            "an end>"
        )

    def configure(self, options: Callable[[str], Sequence[QuotaOptions]] | None) -> None:
        """From now on users have these quotas. What was used stays used.

        Args:
            options: gets those of a user by its name; None if nobody has any.
        """
        self._options = options
        self._quotas = {}
        for user in self._met:
            self._tell(user)
        if options is None:
            self._met = {}
            self.stop()
        elif self._look_call is None:
            self._look_call = self._clock.callLater(_LOOK_SECONDS, self._look)

    def move(self, zone: tzinfo | None) -> None:
        """From now on periods are those of another time zone; `configure` follows.

        Args:
            zone: whose calendar it is; None for the system's time zone.
        """
        self._calendar.move(zone)

    def stop(self) -> None:
        """Look at the clock no more."""
        for call in (self._look_call, self._tell_call):
            if call is not None and call.active():
                call.cancel()
        self._look_call = self._tell_call = None

    def of(self, user: str | None) -> tuple[Quota, ...]:
        """The quotas of a user; those that count the same are one."""
        if user is None or self._options is None:
            return ()
        quotas = self._quotas.get(user)
        if quotas is None:
            quotas = self._quotas[user] = self._make(user, self._options(user))
        return quotas

    def seen(self, user: str) -> tuple[Quota, ...]:
        """The quotas of a user who was seen; none of another."""
        return self._quotas.get(user, ())

    def look_at(self, user: str) -> tuple[Quota, ...]:
        """The quotas of a user for somebody who only looks: of one who has never used anything
        nothing is written into the file.
        """
        quotas = self._quotas.get(user)
        if quotas is not None or self._options is None:
            return quotas or ()
        if self._has_used(user):
            return self.of(user)
        return tuple(
            quotas_of(
                user,
                self._options(user),
                self._calendar,
                lambda _: UnwrittenCounter(),
                lambda _: False,
                lambda _: None,
            )
        )

    def used_up(self, user: str | None) -> list[tuple[Quota, QuotaOptions]]:
        """The quotas of a user of which nothing is left."""
        if user is None or not (user in self._quotas or self._has_used(user)):
            return []
        quotas = self.of(user)
        return [(quota, options) for quota in quotas for options in quota.used_up]

    def _has_used(self, user: str) -> bool:
        """Whether a user has used anything, now or in an earlier run, by the file."""
        options = () if self._options is None else self._options(user)
        return any(self._has(_first_name(user, one)) for one in options)

    def spent(self, user: str) -> str | None:
        """Which quota is used up, so that connections of a user have to end, for people; None if
        they have not.
        """
        for quota, options in self.used_up(user):
            if options.then is None:
                return f"quota of {format_size(options.bytes)} {quota.period}"
        return None

    def following(self, user: str) -> list[LimitOptions]:
        """The limits that hold as well, since a quota of a user is used up."""
        return [one.then for _, one in self.used_up(user) if one.then is not None]

    def figures(self) -> Generator[None, None, dict[tuple[str, str], tuple[int, int]]]:
        """Read what all have used, in small steps.

        Returns:
            For the name of each user who was seen, and what is counted of it for how long, the
            bytes used and the bytes that there are.
        """
        figures = {}
        for number, (user, quotas) in enumerate(list(self._quotas.items()), 1):
            if self._quotas.get(user) is quotas:  # no reload has come meanwhile
                for quota in quotas:
                    figures[user, quota.counted] = quota.used, quota.amount
            if number % _READ_AT_ONCE == 0:
                yield
        return figures

    def reset(self, user: str) -> int:
        """Begin all quotas of a user anew, in the periods that it is.

        Returns:
            How many there are.
        """
        quotas = self.of(user)
        for quota in quotas:
            quota.reset()
        self._tell(user)
        return sum(len(quota.options) for quota in quotas)

    def _make(self, user: str, options: Sequence[QuotaOptions]) -> tuple[Quota, ...]:
        def met(quota: Quota) -> None:
            self._met[user] = None
            self._tell(user)

        return tuple(quotas_of(user, options, self._calendar, self._counter, self._has, met))

    def _look(self) -> None:
        self._look_call = self._clock.callLater(_LOOK_SECONDS, self._look)
        if self._calendar.look():
            for user in self._met:
                self._tell(user)

    def _tell(self, user: str) -> None:
        self._to_tell[user] = None
        if self._tell_call is None:
            self._tell_call = self._clock.callLater(0, self._tell_some)

    def _tell_some(self) -> None:
        self._tell_call = None
        users = list(islice(self._to_tell, _AT_ONCE))
        for user in users:
            del self._to_tell[user]
        if self._to_tell:
            self._tell_call = self._clock.callLater(0, self._tell_some)
        for user in users:
            for quota in self._quotas.get(user, ()):
                quota.go_on()
            # Of several quotas that of a longer period may be used up still.
            if not self.used_up(user):
                self._met.pop(user, None)
        self._changed(users)
