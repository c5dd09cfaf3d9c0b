"""Which counters are meant, and reading or resetting exactly those, whatever the server makes of
patterns.

V2Ray 4 and Xray know one ``pattern``, a text. sing-box knows ``patterns`` and ``regexp``, ignores
``pattern`` and with a reset then zeroes everything. V2Ray 5 knows all of them and never answers an
empty one. So names are matched here, and a reset of some counters names each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import re2  # type: ignore[import-untyped] # google-re2 has no types

from pipetwist.client.calls import StatsCalls
from pipetwist.errors import ServerError
from pipetwist.values import quote

__all__ = ["BadPatternError", "Selection", "read_counters", "reset_counters"]


class BadPatternError(ValueError):
    """A pattern that is no regular expression. Its text says which, and why."""


class Selection:
    """Names that any of some patterns match; every name where there are none.

    Args:
        patterns: texts found in a name, or regular expressions (RE2) that match anywhere in it.
        regexp: whether they are regular expressions.

    Raises:
        BadPatternError: one is no regular expression.
    """

    def __init__(self, patterns: Iterable[str] = (), *, regexp: bool = False) -> None:
        given = tuple(dict.fromkeys(patterns))
        self.patterns = () if "" in given else given
        """What is asked for; nothing for everything."""
        self.regexp = regexp
        """Whether they are regular expressions."""
        self._matchers = [
            _regexp(pattern) if regexp else _text(pattern) for pattern in self.patterns
        ]

    def matches(self, name: str) -> bool:
        """Whether this counter is meant."""
        return not self._matchers or any(matches(name) for matches in self._matchers)


def read_counters(calls: StatsCalls, selection: Selection) -> dict[str, int]:
    """Read counters.

    Returns:
        Their values, by name, in the order of the names.

    Raises:
        ServerError: there is no answer.
    """
    # Of a name that stands twice the larger value, which is the later one.
    return dict(_query(calls, selection, reset=False))


def reset_counters(calls: StatsCalls, selection: Selection) -> Iterator[tuple[str, int]]:
    """Start counters again from 0: all of them by one call, some of them by a call for each, since
    only that is sure to reset no other.

    Yields:
        Names, and the values that ended, which nobody else can get any more; so none is to be
        dropped where a later call fails.

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
    # A server that knows the patterns saves sending the rest. One that does not sends everything.
    pattern = selection.patterns[0] if len(selection.patterns) == 1 and not selection.regexp else ""
    found = calls.query_stats(
        pattern=pattern, patterns=selection.patterns, regexp=selection.regexp, reset=reset
    )
    return sorted((name, value) for name, value in found if selection.matches(name))


def _text(pattern: str) -> Callable[[str], bool]:
    return lambda name: pattern in name


def _regexp(pattern: str) -> Callable[[str], bool]:
    options = re2.Options()
    options.log_errors = False  # the caller is told
    try:
        expression = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        message = f"the pattern {quote(pattern)} is no regular expression: {text}"
        raise BadPatternError(message) from None
    return lambda name: expression.search(name) is not None
