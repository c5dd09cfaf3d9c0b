"""Finds and reads the counters of a query, without gRPC. A query's work, memory and time are
limited.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import re2  # type: ignore[import-untyped] # google-re2 has no types

from pipetwist.interfaces import CounterLike, CounterStoreLike
from pipetwist.values import quote

__all__ = ["DEFAULT_BOUNDS", "BadQueryError", "Bounds", "SlowQueryError", "query", "read", "select"]

_MAX_INT64 = 2**63 - 1
# How many names are matched between two checks of the time. With the worst pattern that the bounds
# allow one takes half a millisecond.
_NAMES_AT_A_TIME = 64
_MAX_REASON = 100  # RE2 quotes the pattern in its own words


class BadQueryError(ValueError):
    """A query that is refused. The text says which part, and what the limit is."""


class SlowQueryError(Exception):
    """A query that takes too long. The text says what the limit is."""


@dataclass(frozen=True)
class Bounds:
    """The limits of one query.

    Attributes:
        patterns: how many patterns.
        characters: how long each of them.
        memory: bytes that RE2 may use for each of them; a pattern that needs more is refused. The
            module re2 caches the last 128 patterns.
        seconds: how long the search may take in total.
    """

    patterns: int = 100
    characters: int = 1000
    memory: int = 256 * 1024
    seconds: float = 2.0


DEFAULT_BOUNDS: Final = Bounds()
"""The default: far more than any known client needs."""


def query(
    store: CounterStoreLike,
    *,
    pattern: str = "",
    patterns: Sequence[str] = (),
    regexp: bool = False,
    reset: bool = False,
    total: bool = False,
    bounds: Bounds,
    clock: Callable[[], float] = time.monotonic,
) -> list[tuple[str, int]]:
    """Answer V2Ray's QueryStats: find counters, and read each of them once.

    Args:
        store: has the counters.
        pattern: one more pattern besides `patterns`; empty for none.
        patterns: see `select`.
        regexp: see `select`.
        reset: reset each counter that is in the answer. If the query fails, none is reset.
        total: read what was counted in all, which no reset changes; it resets none.
        bounds: see `select`.
        clock: see `select`.

    Returns:
        Names and values, by name.

    Raises:
        BadQueryError: see `select`.
        SlowQueryError: see `select`.
    """
    wanted = [pattern, *patterns] if pattern else patterns
    counters = select(store.counters(), wanted, regexp=regexp, bounds=bounds, clock=clock)
    if total:
        return [(counter.name, min(counter.total(), _MAX_INT64)) for counter in counters]
    return [(counter.name, read(counter, reset=reset)) for counter in counters]


def select(
    counters: Sequence[CounterLike],
    patterns: Iterable[str],
    *,
    regexp: bool,
    bounds: Bounds,
    clock: Callable[[], float] = time.monotonic,
) -> list[CounterLike]:
    """Find the counters whose names match any of the patterns.

    Args:
        counters: the counters to search.
        patterns: regular expressions that match anywhere in a name, or texts found in it; if there
            are none, all counters match.
        regexp: whether they are regular expressions, in RE2's syntax.
        bounds: the limits.
        clock: seconds that only grow.

    Returns:
        Each counter that matches, once, in the order in which they were given.

    Raises:
        BadQueryError: there are too many patterns, or one is too long or not a regular expression.
        SlowQueryError: it took too long.
    """
    wanted = list(patterns)
    _check_size(wanted, bounds)
    if not wanted:
        return list(counters)
    ends = clock() + bounds.seconds
    found: set[str] = set()
    missing = [counter.name for counter in counters]
    for pattern in dict.fromkeys(wanted):
        matches = _regexp(pattern, bounds) if regexp else _text(pattern)
        for first in range(0, len(missing), _NAMES_AT_A_TIME):
            if clock() > ends:
                message = (
                    f"the query takes longer than {bounds.seconds:g} s, which is the limit; ask "
                    "for less"
                )
                raise SlowQueryError(message)
            found.update(filter(matches, missing[first : first + _NAMES_AT_A_TIME]))
        missing = [name for name in missing if name not in found]
    return [counter for counter in counters if counter.name in found]


def read(counter: CounterLike, *, reset: bool) -> int:
    """Read, or reset, a counter. The value is an int64, at most 2^63-1."""
    return min(counter.reset() if reset else counter.value(), _MAX_INT64)


def _check_size(patterns: Sequence[str], bounds: Bounds) -> None:
    if len(patterns) > bounds.patterns:
        message = f"the query has {len(patterns)} patterns; the limit is {bounds.patterns}"
        raise BadQueryError(message)
    for pattern in patterns:
        if len(pattern) > bounds.characters:
            message = (
                f"the pattern {quote(pattern)} has {len(pattern)} characters; the limit is "
                f"{bounds.characters}"
            )
            raise BadQueryError(message)


def _text(pattern: str) -> Callable[[str], bool]:
    def matches(name: str) -> bool:
        return pattern in name

    return matches


def _regexp(pattern: str, bounds: Bounds) -> Callable[[str], bool]:
    options = re2.Options()
    options.max_mem = bounds.memory
    options.log_errors = (
        False  # the client gets the error; RE2 would also write it to standard error
    )
    options.never_capture = True  # only whether it matches matters; without groups RE2 is faster
    try:
        expression = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        message = (
            f"the pattern {quote(pattern)} is not a regular expression that can be used: "
            f"{text[:_MAX_REASON]}"
        )
        raise BadQueryError(message) from error

    def matches(name: str) -> bool:
        return expression.search(name) is not None

    return matches
