"""One direction of one connection, with all the rates that it is under."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from zope.interface import implementer

from pipetwist.interfaces import Bearer, IFlow
from pipetwist.limits.pacer import Pacer
from pipetwist.limits.rate import MOST_AT_ONCE, Rate

__all__ = ["Flow", "Stage"]


class Stage(Protocol):
    """What a flow asks; see `Rate`."""

    @property
    def name(self) -> str:
        """What it is, for people."""

    def take(self, flow: Flow, most: int, now: float) -> int:
        """Take bytes out; 0 if it has to wait."""

    def allow(self, came: int) -> int:
        """Take bytes out that have come already; how many of them may be passed on."""

    def give_back(self, count: int) -> None:
        """So many of those that were taken did not pass."""

    def join(self, flow: Flow, now: float) -> None:
        """Let this one wait."""

    def leave(self, flow: Flow, now: float) -> None:
        """Let it wait no more."""


@implementer(IFlow)
class Flow:
    """Asks each of its rates in turn, and may move as much as the lowest of them says.

    What was granted by one is kept while it waits for the next, so that each rate has its own
    queue, and one that waits elsewhere takes nobody's turn here.

    Args:
        pacer: says when a turn has come.
        rates: what it is under, those of few connections first: they are asked in this order. The
            first is a rate, so that it gets turns.
    """

    __slots__ = ("_granted", "_pacer", "_rates", "_stage", "bearer", "owes")

    def __init__(self, pacer: Pacer, rates: Sequence[Stage]) -> None:
        self._pacer = pacer
        self._rates = tuple(rates)
        self.bearer: Bearer | None = None
        self._stage = -1  # the rate that it waits at
        self._granted = MOST_AT_ONCE
        self.owes = 0
        """Bytes by which it has moved more than its share."""

    def __repr__(self) -> str:
        waits = f"waits at {self._rates[self._stage]!r}" if self.waits else "does not wait"
        return f"<Flow of {self.bearer!r}: {waits}>"

    @property
    def waits(self) -> bool:
        """Whether it waits for its turn."""
        return self._stage >= 0

    @property
    def held_by(self) -> str:
        """The name of the rate that it waits at; empty if it does not wait."""
        return self._rates[self._stage].name if self.waits else ""

    @property
    def most(self) -> int:
        """It can use no more than so many bytes, by the rates that were asked already."""
        return self._granted

    # IFlow.

    def take(self) -> int:
        return self._ask(0, MOST_AT_ONCE, self._pacer.now())

    def settle(self, granted: int, moved: int) -> None:
        rest = granted - moved
        if rest:
            if rest < 0:
                self.owes -= rest
            for rate in self._rates:
                rate.give_back(rest)

    def lend(self, granted: int) -> None:
        for stage in self._rates:
            if isinstance(stage, Rate):
                self._pacer.lend(stage, granted)
            else:
                stage.give_back(granted)

    def charge(self, moved: int) -> None:
        self.owes += moved
        for rate in self._rates:
            rate.give_back(-moved)

    def allow(self, came: int, expected: int = 0) -> int:
        passed = 0
        while passed < came and (allowed := self._allow(came - passed)):
            passed += allowed
        self.owes += max(0, passed - expected)
        return passed

    def wait(self) -> None:
        self._wait_at(0, MOST_AT_ONCE, self._pacer.now())

    def leave(self) -> None:
        if self.waits:
            stage, self._stage = self._stage, -1
            self._rates[stage].leave(self, self._pacer.now())
            for rate in self._rates[:stage]:
                rate.give_back(self._granted)

    # For the rates, and the pacer.

    def served(self, taken: int, now: float) -> None:
        """The rate that it waits at has given it so much."""
        stage, before, self._stage = self._stage, self._granted, -1
        self._return(stage, before - taken)
        granted = self._ask(stage + 1, taken, now)
        if granted and self.bearer is not None:
            self._pacer.call(self.bearer, granted)

    def _ask(self, stage: int, granted: int, now: float) -> int:
        for number in range(stage, len(self._rates)):
            taken = self._rates[number].take(self, granted, now)
            if not taken:
                self._wait_at(number, granted, now)
                return 0
            self._return(number, granted - taken)
            granted = taken
        return granted

    def _allow(self, came: int) -> int:
        """As `allow`, but no more than the quota that has the least has left."""
        for number, rate in enumerate(self._rates):
            allowed = rate.allow(came)
            self._return(number, came - allowed)
            if not allowed:
                self.leave()
                self._wait_at(number, 0, self._pacer.now())
                return 0
            came = allowed
        return came

    def _return(self, stage: int, count: int) -> None:
        """Give back to those before this stage what the one there has not granted."""
        if count:
            for rate in self._rates[:stage]:
                rate.give_back(count)

    def _wait_at(self, stage: int, granted: int, now: float) -> None:
        self._stage, self._granted = stage, granted
        rate = self._rates[stage]
        rate.join(self, now)
        if isinstance(rate, Rate):
            self._pacer.wake(rate)
