"""Which of the open connections are shown, and in which order."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pipetwist.page.arguments import Field, parse_arguments, parse_number, parse_words
from pipetwist.page.sampling import Reading

__all__ = ["MAX_ROWS", "SORTS", "View", "parse_view"]

MAX_ROWS = 1000
_ROWS = 200
_PIECE = 250  # connections in one step

SORTS: Mapping[str, Callable[[Reading], Any]] = {  # values of any type that can be compared
    "id": lambda reading: reading.connection.number,
    "inbound": lambda reading: reading.connection.client_info.inbound,
    "outbound": lambda reading: reading.connection.outbound,
    "user": lambda reading: reading.connection.client_info.user or "",
    "peer": lambda reading: reading.connection.client_info.peer,
    "age": lambda reading: -reading.connection.began,
    "uplink": lambda reading: reading.uplink,
    "downlink": lambda reading: reading.downlink,
    "uplink_rate": lambda reading: reading.uplink_rate or 0.0,
    "downlink_rate": lambda reading: reading.downlink_rate or 0.0,
    "rate": lambda reading: (reading.uplink_rate or 0.0) + (reading.downlink_rate or 0.0),
}
"""What connections can be sorted by."""


class View(NamedTuple):
    """A selection of the open connections.

    Attributes:
        sort: a key of `SORTS`.
        descending: whether the largest come first.
        words: texts, case-folded, that a connection must all have in its tags, user or peer.
        limit: rows at most.
    """

    sort: str = "rate"
    descending: bool = True
    words: tuple[str, ...] = ()
    limit: int = _ROWS

    def rows(
        self, connections: Sequence[Reading]
    ) -> Generator[None, None, tuple[int, list[Reading]]]:
        """Select, in steps: other work may be done at each yield.

        Returns:
            How many match, and the first of them in this order; equal ones in the order in which
            they were opened.
        """
        count, found = 0, list[Reading]()
        for start in range(0, len(connections), _PIECE):
            matching = connections[start : start + _PIECE]
            for word in self.words:
                matching = [one for one in matching if word in one.text]
            count += len(matching)
            found += matching
            if len(found) > 2 * MAX_ROWS:
                found = self._first(found)
            yield
        return count, self._first(found)

    def _first(self, found: Iterable[Reading]) -> list[Reading]:
        pick = heapq.nlargest if self.descending else heapq.nsmallest
        return pick(self.limit, found, key=SORTS[self.sort])


def parse_view(arguments: Mapping[bytes, list[bytes]]) -> View:
    """Read a view from the arguments of a URL.

    Raises:
        ValueError: an argument is unknown, is given twice, or has an invalid value; the text is for
            people.
    """
    return View(**parse_arguments(arguments, _ARGUMENTS))


def _sort(text: str) -> Field:
    if text not in SORTS:
        message = f"connections can't be sorted by {text[:40]!r}, but by {', '.join(SORTS)}"
        raise ValueError(message)
    return "sort", text


def _order(text: str) -> Field:
    if text not in {"asc", "desc"}:
        message = f"order is asc or desc, not {text[:40]!r}"
        raise ValueError(message)
    return "descending", text == "desc"


def _filter(text: str) -> Field:
    return "words", parse_words("filter", text)


def _limit(text: str) -> Field:
    return "limit", parse_number("limit", text, MAX_ROWS)


_ARGUMENTS: Mapping[str, Callable[[str], Field]] = {
    "sort": _sort,
    "order": _order,
    "filter": _filter,
    "limit": _limit,
}
