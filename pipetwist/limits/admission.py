"""Which new connections are refused, and which open ones end, by the limits of their outbound and
their user.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Hashable
from math import inf
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pipetwist.connection.client_info import ClientInfo
from pipetwist.kinds.limit_options import LimitOptions, UserLimitOptions
from pipetwist.limits.limits import Entity, Limits
from pipetwist.limits.lower import lower
from pipetwist.limits.notices import Notices
from pipetwist.limits.seats import Refusal, Seats, source_of
from pipetwist.quotas.quota_table import QuotaTable
from pipetwist.steps import at_once, in_turns

__all__ = ["REFUSALS", "Admission", "Admitted"]

REFUSALS = ("max_connections", "max_sources", "connections_per_second", "expires", "quota")
"""The keys that new connections are refused by."""
# The time of day may be set, so that a moment far away is looked at again.
_LOOK_SECONDS = 60.0
# So many connections are looked at before the reactor does something else; to end one takes as long
# as to look at so many, since each has two sides to close, and a line to log.
_STEPS_AT_ONCE = 500
_DISMISSING_STEPS = 25


class Admitted(Protocol):
    """A connection, as much of it as is needed here."""

    client_info: ClientInfo
    outbound: str

    def dismiss(self, refusal: Refusal) -> None:
        """Its time is over: end."""


class Admission:
    """Counts the connections that are open.

    Args:
        clock: counts the time.
        today: says the time of day, in seconds since 1970.
        notices: is told when a limit is reached.
    """

    def __init__(self, clock: IReactorTime, today: Callable[[], float], notices: Notices) -> None:
        self._notices = notices
        self._clock = clock
        self._today = today
        self._limits = Limits()
        self._seats = Seats()
        self.quotas: QuotaTable | None = None
        """The quotas of users; None if there is no file to keep what they used."""
        # Any: an Admitted, by which a dict can't be asked for what may be none.
        self._admitted: dict[Any, tuple[tuple[tuple[Entity, str], ...], str]] = {}  # Any: see above
        self._call: IDelayedCall | None = None
        self.refused: Counter[str] = Counter(dict.fromkeys(REFUSALS, 0))
        """How many were refused, by the key of the limit."""
        self.refused_of: Counter[tuple[Entity, str]] = Counter()
        """How many were refused, by whose limit it is: what kind that is, and its tag or name."""

    def __repr__(self) -> str:
        return f"<Admission of {len(self._admitted)}>"

    def configure(self, limits: Limits) -> None:
        """From now on these limits hold; who is open stays, except who has expired."""
        at_once(self.configuring(limits))

    def configuring(self, limits: Limits) -> Generator[None, None, None]:
        """As `configure`, in small steps: first for new connections."""
        self._limits = limits
        return self._looking()

    def refusal(self, client_info: ClientInfo, outbound: str) -> Refusal | None:
        """Why a client would be refused; None if it would be admitted.

        Args:
            client_info: what is known of it.
            outbound: the tag of the outbound that it would go to.
        """
        keys, source = _place(client_info, outbound)
        now = self._clock.seconds()
        for entity, name in keys:
            options = self._limits.of(entity, name)
            if options is not None:
                found = self._lacking(entity, name, options, source, now)
                if found is not None:
                    self.refused[found.limit] += 1
                    self.refused_of[entity, name] += 1
                    self._notices.hit(found.whose, found.limit, "new connections are refused")
                    return found
        return None

    def admit(self, connection: Admitted) -> Refusal | None:
        """Count a connection that begins.

        Returns:
            Why it is refused, and not counted; None if it is admitted.
        """
        refusal = self.refusal(connection.client_info, connection.outbound)
        if refusal is not None:
            return refusal
        keys, source = _place(connection.client_info, connection.outbound)
        self._seats.take(keys, source)
        self._admitted[connection] = keys, source
        user = connection.client_info.user
        options = None if user is None else self._limits.of("user", user)
        if isinstance(options, UserLimitOptions):
            moment = self._limits.moment(options)
            if moment is not None:
                self._look_at(moment)
        return None

    def adopt(self, connection: Admitted) -> None:
        """Count a connection that is open already."""
        if connection not in self._admitted:
            keys, source = self._admitted[connection] = _place(
                connection.client_info, connection.outbound
            )
            self._seats.adopt(keys, source)

    def leave(self, connection: Hashable) -> None:
        """It has closed."""
        place = self._admitted.pop(connection, None)
        if place is not None:
            self._seats.leave(*place)
            if not self._admitted and self._call is not None:
                self._call.cancel()
                self._call = None

    def spent(self, user: str) -> Refusal | None:
        """Why connections of a user have to end, by its quotas; None if they have not."""
        spent = None if self.quotas is None else self.quotas.spent(user)
        if spent is None:
            return None
        whose = f"user {user}"
        return Refusal("quota", whose, f"{whose} has used up its {spent}")

    def closed(self, entity: Entity, name: str) -> str:
        """Why every new connection would be refused by the limits of one, for people; empty if not
        every one would.
        """
        options = self._limits.of(entity, name)
        if options is None or entity == "inbound":
            return ""
        whose = f"{entity} {name}"
        if isinstance(options, UserLimitOptions):
            over = self._over(whose, name, options)
            if over is not None:
                return over.text
        most = self._bounds(entity, name, options).max_connections
        full = most is not None and self._seats.open((entity, name)) >= most
        return f"max_connections of {whose} is {most:g}" if full else ""

    def figures(self, entity: Entity, name: str) -> tuple[int, int]:
        """How many connections are open under a name, and from how many sources."""
        return self._seats.open((entity, name)), self._seats.sources((entity, name))

    def _lacking(
        self,
        entity: Entity,
        name: str,
        options: LimitOptions | UserLimitOptions,
        source: str,
        now: float,
    ) -> Refusal | None:
        whose = f"{entity} {name}"
        max_sources = None
        if isinstance(options, UserLimitOptions):
            max_sources = options.max_sources
            over = self._over(whose, name, options)
            if over is not None:
                return over
        bounds = self._bounds(entity, name, options)
        lacking = self._seats.lacking((entity, name), bounds, max_sources, source, now)
        if lacking is None:
            return None
        limit, figure = lacking
        return Refusal(limit, whose, f"{limit} of {whose} is {figure:g}")

    def _bounds(
        self, entity: Entity, name: str, options: LimitOptions | UserLimitOptions
    ) -> LimitOptions | UserLimitOptions:
        """These limits, and those that follow from a user's quotas."""
        if entity == "user" and self.quotas is not None:
            for following in self.quotas.following(name):
                options = lower(options, following)
        return options

    def _over(self, whose: str, user: str, options: UserLimitOptions) -> Refusal | None:
        """Why nothing is left for a user; None if something is."""
        return _expired(whose, options) if self._is_over(options) else self.spent(user)

    # Expiry.

    def _is_over(self, options: UserLimitOptions) -> bool:
        moment = self._limits.moment(options)
        return moment is not None and self._today() >= moment

    def _look(self) -> None:
        self._call = None
        in_turns(self._clock, self._looking())

    def _looking(self) -> Generator[None, None, None]:
        """End those whose time is over, and look again when the next one's is."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if not self._limits.anybody_expires:
            return
        soonest, steps = inf, 0
        for connection in list(self._admitted):
            steps += 1
            moment = self._end_of(connection)
            if moment <= self._today():
                self._dismiss(connection)
                steps += _DISMISSING_STEPS
            else:
                soonest = min(soonest, moment)
            if steps >= _STEPS_AT_ONCE:
                yield
                steps = 0
        if soonest < inf and self._admitted:
            self._look_at(soonest)

    def _end_of(self, connection: Admitted) -> float:
        """When the time of its user is over; never, if it has closed."""
        user = connection.client_info.user
        if user is None or connection not in self._admitted:
            return inf
        options = self._limits.of("user", user)
        moment = self._limits.moment(options) if isinstance(options, UserLimitOptions) else None
        return inf if moment is None else moment

    def _dismiss(self, connection: Admitted) -> None:
        user = connection.client_info.user or ""
        options = self._limits.of("user", user)
        if isinstance(options, UserLimitOptions):
            connection.dismiss(_expired(f"user {user}", options))

    def _look_at(self, moment: float) -> None:
        """Look again at this moment at the latest, in seconds since 1970."""
        delay = min(max(moment - self._today(), 0.0), _LOOK_SECONDS)
        if self._call is None:
            self._call = self._clock.callLater(delay, self._look)
        elif self._call.getTime() > self._clock.seconds() + delay:
            self._call.reset(delay)


def _expired(whose: str, options: UserLimitOptions) -> Refusal:
    return Refusal("expires", whose, f"{whose} has expired ({options.expires})")


def _place(client_info: ClientInfo, outbound: str) -> tuple[tuple[tuple[Entity, str], ...], str]:
    """What a connection counts for, and its source."""
    its_outbound: tuple[Entity, str] = ("outbound", outbound)
    if client_info.user is None:
        return (its_outbound,), source_of(client_info)
    return (("user", client_info.user), its_outbound), source_of(client_info)
