"""Selects counters, and reads or resets exactly those, though servers treat patterns differently.

V2Ray 4 and Xray know one ``pattern``, a text. sing-box knows ``patterns`` and ``regexp``; it
ignores ``pattern``, and a reset with it resets everything. V2Ray 5 knows all of them, and never
answers an empty one. Therefore names are matched here, and some counters are reset by their names,
one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import re2  # type: ignore[import-untyped] # google-re2 has no types

from pipetwist.client.calls import StatsCalls
from pipetwist.errors import ServerError
from pipetwist.values import quote

__all__ = ["BadPatternError", "Selection", "read_counters", "reset_counters"]


class BadPatternError(ValueError):
    """A pattern that is not a regular expression. The text says which, and why."""


class Selection:
    """The names that match any of the patterns; every name if there are no patterns.

    Args:
        patterns: texts found in a name, or regular expressions (RE2) that match anywhere in it.
        regexp: whether they are regular expressions.

    Raises:
        BadPatternError: one is not a regular expression.
    """

    def __init__(self, patterns: Iterable[str] = (), *, regexp: bool = False) -> None:
        given = tuple(dict.fromkeys(patterns))
        self.patterns = () if "" in given else given
        """The patterns; empty for everything."""
        self.regexp = regexp
        """Whether they are regular expressions."""
        self._matchers = [
            _regexp(pattern) if regexp else _text(pattern) for pattern in self.patterns
        ]

    def matches(self, name: str) -> bool:
        """Whether this name is selected."""
        return not self._matchers or any(matches(name) for matches in self._matchers)

    def idle(self, names: Iterable[str]) -> list[str]:
        """The patterns that match none of these names."""
        listed = list(names)
        return [
            pattern
            for pattern, matches in zip(self.patterns, self._matchers, strict=True)
            if not any(map(matches, listed))
        ]


def read_counters(
    calls: StatsCalls, selection: Selection, *, total: bool = False
) -> dict[str, int]:
    """Read counters.

    Args:
        calls: of the server.
        selection: which.
        total: the totals, and not the values since the last reset; pipetwist's alone.

    Returns:
        Their values, by name, in the order of the names.

    Raises:
        UnsupportedError: the server has no totals.
        ServerError: there is no answer.
    """
    if total:
        found = calls.query_totals(
            pattern=_pattern(selection), patterns=selection.patterns, regexp=selection.regexp
        )
        return dict(sorted(one for one in found if selection.matches(one[0])))
    # If a name occurs twice, the larger value, which is the later one.
    return dict(_query(calls, selection, reset=False))


def reset_counters(calls: StatsCalls, selection: Selection) -> Iterator[tuple[str, int]]:
    """Reset counters to 0: all of them with one call, some of them with a call for each, since only
    that is sure to reset no others.

    Yields:
        Names, and the values before the reset. Nobody can read these again, so the caller must not
            drop them if a later call fails.

    Raises:
        ServerError: there is no answer.
    """
    if not selection.patterns:
        yield from _query(calls, selection, reset=True)
        return
    names = [*read_counters(calls, selection)]
    for number, name in enumerate(names):
        try:
            value = calls.get_stats(name, reset=True)
        except ServerError as error:
            message = f"{error} ({number} of {len(names)} counters were reset before that)"
            raise ServerError(message) from error
        if value is not None:
            yield name, value


def _query(calls: StatsCalls, selection: Selection, *, reset: bool) -> list[tuple[str, int]]:
    found = calls.query_stats(
        pattern=_pattern(selection),
        patterns=selection.patterns,
        regexp=selection.regexp,
        reset=reset,
    )
    return sorted((name, value) for name, value in found if selection.matches(name))


def _pattern(selection: Selection) -> str:
    # A server that knows patterns sends only what matches. Others send everything.
    return selection.patterns[0] if len(selection.patterns) == 1 and not selection.regexp else ""


def _text(pattern: str) -> Callable[[str], bool]:
    return lambda name: pattern in name


def _regexp(pattern: str) -> Callable[[str], bool]:
    options = re2.Options()
    options.log_errors = False  # the caller gets the error
    try:
        expression = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        message = f"the pattern {quote(pattern)} is not a regular expression: {text}"
        raise BadPatternError(message) from None
    return lambda name: expression.search(name) is not None
