"""Which limits a connection is under, by the current configuration."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Hashable, Sequence
from math import inf
from typing import Any, Literal, NamedTuple, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pipetwist.connection.client_info import ClientInfo
from pipetwist.interfaces import AnySide
from pipetwist.kinds.limit_options import LimitOptions, UserLimitOptions
from pipetwist.limits.admission import Admission
from pipetwist.limits.flow import Flow, Stage
from pipetwist.limits.limits import Entity, Limits
from pipetwist.limits.lower import burst_of, lower
from pipetwist.limits.notices import Notices
from pipetwist.limits.pacer import Pacer
from pipetwist.limits.quota_stage import QuotaStage
from pipetwist.limits.rate import Rate
from pipetwist.quotas.quota_table import QuotaTable
from pipetwist.steps import at_once

__all__ = ["LimitTable", "Limited"]

_Direction = Literal["up", "down"]
_UP: _Direction = "up"
_DOWN: _Direction = "down"
_BYTES_PER_MEGABIT = 125_000
# More than can pass: who has a quota and no rate has turns by it as well.
_ANY_RATE = 1e13
# So many rates change before the reactor does something else.
_CHANGED_AT_ONCE = 250


class Limited(Protocol):
    """An open connection, as much of it as is needed here."""

    client_info: ClientInfo
    outbound: str
    client: AnySide
    server: AnySide

    def has_paused(self, side: AnySide) -> bool:
        """Whether it has paused reading from a side."""


class _Key(NamedTuple):
    """What has a rate, and which way."""

    entity: Entity
    name: str
    direction: _Direction

    def __str__(self) -> str:
        return f"{self.direction}_mbps of {self.entity} {self.name}"


class LimitTable:
    """The rates of all that is limited. What has a rate before a reload and after it keeps what was
    used of it.

    Args:
        clock: counts the time.
        log: where it is logged that a limit is reached.
        today: says the time of day, in seconds since 1970.
    """

    def __init__(
        self,
        clock: IReactorTime,
        log: Logger | None = None,
        today: Callable[[], float] = time.time,
    ) -> None:
        self.notices = Notices(clock, log or Logger())
        """Says that limits are reached."""
        self.pacer = Pacer(clock)
        """The one timer of all rates."""
        self.admission = Admission(clock, today, self.notices)
        """Which connections are refused."""
        self.current = Limits()
        """What holds now."""
        self._flows: dict[Any, tuple[Flow, ...]] = {}  # Any: mypy has protocols without a hash
        self._rates: dict[_Key, Rate] = {}
        self._tell = self._reached  # one for all rates
        self._any_rate = Rate("quota", _ANY_RATE, _ANY_RATE, self.pacer.now())

    def __repr__(self) -> str:
        return f"<LimitTable of {len(self._rates)} rates>"

    def __bool__(self) -> bool:
        """Whether anything is limited."""
        return self.current.anything

    def configure(self, limits: Limits) -> None:
        """From now on these limits hold."""
        at_once(self.configuring(limits))

    def configuring(self, limits: Limits) -> Generator[None, None, None]:
        """As `configure`, in small steps: first for new connections."""
        before, self.current = self.current, limits
        if self.quotas is not None and limits.zone != before.zone:
            self.quotas.move(limits.zone)
        self.watch_quotas()
        yield from self.admission.configuring(limits)
        keys = list(self._rates)
        for start in range(0, len(keys), _CHANGED_AT_ONCE):
            if start:
                yield
            self._change(keys[start : start + _CHANGED_AT_ONCE])

    @property
    def quotas(self) -> QuotaTable | None:
        """The quotas of users; None if there is no file to keep what they used."""
        return self.admission.quotas

    def keep_quotas(self, quotas: QuotaTable) -> None:
        """Hold connections to quotas as well, from the next configuration on."""
        self.admission.quotas = quotas

    def watch_quotas(self) -> None:
        """Hold users to the quotas of the present limits, if there is a file for them."""
        if self.quotas is not None:
            self.quotas.configure(self.current.quotas if self.current.have_quotas else None)

    def look_again(self, users: Collection[str]) -> None:
        """Other limits hold for these users, by their quotas."""
        self._change([_Key("user", user, way) for user in users for way in (_UP, _DOWN)])

    def _change(self, keys: Collection[_Key]) -> None:
        now = self.pacer.now()
        for key in keys:
            rate = self._rates.get(key)
            if rate is None:  # there is none, or it has gone meanwhile
                continue
            entity, name, direction = key
            options = self._of(entity, name)
            per_second = None if options is None else _per_second(options, direction)
            if options is None or per_second is None:
                del self._rates[key]
            else:
                rate.change(per_second, burst_of(options) * per_second, now)
        self.pacer.look_again()

    def held_seconds(self) -> dict[tuple[str, str, str], float]:
        """For how many seconds somebody was held back by each rate: by what has the rate, its tag
        or name, and the direction.
        """
        now = self.pacer.now()
        return {key: rate.held_seconds(now) for key, rate in self._rates.items()}

    def held_now(self) -> set[str]:
        """The names of the rates that hold somebody back at this moment, such as ``down_mbps of
        user alice``.
        """
        return {rate.name for rate in self.pacer.waiting() if rate is not self._any_rate}

    def held(self, entity: Entity, name: str) -> tuple[float, float]:
        """For how many seconds somebody was held back by the rates of one, up and down."""
        now = self.pacer.now()
        rates = (self._rates.get(_Key(entity, name, way)) for way in (_UP, _DOWN))
        up, down = (0.0 if rate is None else rate.held_seconds(now) for rate in rates)
        return up, down

    def holds(self, entity: Entity, name: str) -> tuple[bool, bool]:
        """Whether the rates of one hold somebody back at this moment, up and down."""
        rates = (self._rates.get(_Key(entity, name, way)) for way in (_UP, _DOWN))
        up, down = (rate is not None and bool(rate.queue) for rate in rates)
        return up, down

    def megabits(self, entity: Entity, name: str) -> tuple[float, float]:
        """How many megabits a second may pass up and down, by the quotas too; 0 where any number
        may.
        """
        options = self._of(entity, name)
        rates = (None, None) if options is None else (options.up_mbps, options.down_mbps)
        up, down = (0.0 if rate in (None, inf) else rate for rate in rates)
        return up, down

    def limit(self, connection: Limited, *, since_start: bool) -> None:
        """Limit a connection that is open, by what holds now; one whose server is not connected
        yet is left as it is, since that is asked for once more then.

        Args:
            connection: the connection.
            since_start: whether what it has moved already counts as well.
        """
        if connection.server is None:
            return
        client_info = connection.client_info
        under: tuple[tuple[Entity, str | None], ...] = (
            # Those of few connections come first, see `Flow`.
            ("user", client_info.user),
            ("outbound", connection.outbound),
            ("inbound", client_info.inbound),
        )
        found: list[tuple[Callable[..., object], AnySide, Flow | None]] = []
        for side, direction in ((connection.client, _UP), (connection.server, _DOWN)):
            # The sides of other programs need not have it.
            limit = getattr(side, "limit", None)
            if limit is not None:
                rates = self._rates_of(under, direction)
                stages = self._with_quotas(rates, client_info.user, direction)
                found.append((limit, side, Flow(self.pacer, stages) if stages else None))
        flows = tuple(flow for *_, flow in found if flow is not None)
        # What was held back may go on now, and the connection close: it lets go of all of these.
        self._flows[connection] = (*self._flows.get(connection, ()), *flows)
        for limit, side, flow in found:
            limit(flow, since_start=since_start, paused=connection.has_paused(side))
        if not flows:
            self._flows.pop(connection, None)
        elif connection in self._flows:
            self._flows[connection] = flows

    def held_by(self, connection: Hashable) -> str:
        """The name of a rate that a connection waits for; empty if it does not wait."""
        return next((flow.held_by for flow in self._flows.get(connection, ()) if flow.waits), "")

    def let_go(self, connection: Hashable) -> None:
        """Let a connection that is to end wait no more."""
        for flow in self._flows.pop(connection, ()):
            flow.leave()
        if not self._flows:
            self.pacer.rest()

    def leave(self, connection: Hashable) -> None:
        """A connection has closed, or is limited no more."""
        self.let_go(connection)
        self.admission.leave(connection)

    def _rates_of(
        self, under: tuple[tuple[Entity, str | None], ...], direction: _Direction
    ) -> list[Rate]:
        return [
            rate
            for entity, name in under
            if name is not None and (rate := self._rate(entity, name, direction)) is not None
        ]

    def _with_quotas(
        self, rates: list[Rate], user: str | None, direction: _Direction
    ) -> Sequence[Stage]:
        """What a flow asks: its rates, and then the quotas, from which nothing is taken that
        waits.
        """
        if self.quotas is None or user is None:
            return rates
        quotas = [QuotaStage(quota) for quota in self.quotas.of(user) if quota.counts(direction)]
        return [*(rates or [self._any_rate]), *quotas] if quotas else rates

    def _of(self, entity: Entity, name: str) -> LimitOptions | UserLimitOptions | None:
        options = self.current.of(entity, name)
        if entity == "user" and self.quotas is not None:
            for following in self.quotas.following(name):
                options = lower(options, following)
        return options

    def _rate(self, entity: Entity, name: str, direction: _Direction) -> Rate | None:
        options = self._of(entity, name)
        per_second = None if options is None else _per_second(options, direction)
        if options is None or per_second is None:
            return None
        key = _Key(entity, name, direction)
        rate = self._rates.get(key)
        if rate is None:
            burst = burst_of(options) * per_second
            rate = self._rates[key] = Rate(key, per_second, burst, self.pacer.now(), self._tell)
        return rate

    def _reached(self, key: _Key) -> None:
        what = "bytes are held back"
        self.notices.hit(f"{key.entity} {key.name}", f"{key.direction}_mbps", what)


def _per_second(options: LimitOptions | UserLimitOptions, direction: _Direction) -> float | None:
    megabits = options.up_mbps if direction == "up" else options.down_mbps
    return None if megabits in (None, inf) else megabits * _BYTES_PER_MEGABIT
