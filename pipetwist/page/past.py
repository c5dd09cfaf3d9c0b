"""A part of the history as the JSON object that ``docs/page.md`` describes, written in steps."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from heapq import nlargest
from itertools import islice
from typing import NamedTuple

from pipetwist.page.arguments import Field, parse_arguments, parse_number, parse_words
from pipetwist.page.document import PIECE, Steps, encoded
from pipetwist.page.rings import ALL, SLOTS, Column, History, Name, Piece, Ring
from pipetwist.stats.names import DIRECTIONS, ENTITIES, Direction, Entity

__all__ = ["MAX_LISTED", "RANGES", "Asked", "parse_asked", "past"]

MAX_LISTED = 20
"""The maximum of inbounds, of outbounds and of users in one answer."""


class Range(NamedTuple):
    """How far back, and how finely.

    Attributes:
        slots: how many there are at most.
        ring: has them.
    """

    slots: int
    ring: Callable[[History], Ring]


RANGES: Mapping[str, Range] = {
    "5m": Range(300, lambda history: history.seconds),
    "1h": Range(3600, lambda history: history.seconds),
    "24h": Range(1440, lambda history: history.minutes),
}
"""What can be asked for."""


class Asked(NamedTuple):
    """What somebody wants to know.

    Attributes:
        range: a key of `RANGES`.
        words: texts, case-folded, that a name must all have in it.
        limit: names of each kind at most.
    """

    range: str = "5m"
    words: tuple[str, ...] = ()
    limit: int = 6


def parse_asked(arguments: Mapping[bytes, list[bytes]]) -> Asked:
    """Read it from the arguments of a URL.

    Raises:
        ValueError: an argument is unknown, is given twice, or has an invalid value; the text is for
            people.
    """
    return Asked(**parse_arguments(arguments, _ARGUMENTS))


def past(history: History, asked: Asked, ended: Callable[[int], float]) -> Steps:
    """Write a range.

    Args:
        history: has it.
        asked: which range, and which names.
        ended: returns when a second ended, by its slot, in seconds since the epoch.
    """
    count, ring_of = RANGES[asked.range]
    ring = ring_of(history)
    slots = ring.latest(count)
    pieces = ring.pieces(slots)
    kinds = []
    for entity in ENTITIES:
        names, complete = yield from _busiest(pieces, entity, asked, ring.step)
        written = []
        for name in names:
            flow = yield from _flow(pieces, (entity, name))
            written.append(b"%b:%b" % (encoded(name), flow))
        kinds.append(
            b'"%b":{"all":%b,"names":{%b}}'
            % (entity.encode("ascii"), encoded(complete), b",".join(written))
        )
    totals = yield from _flow(pieces, ALL)
    head = {
        "range": asked.range,
        "step": ring.step,
        "start": round(ended((slots.start + 1) * ring.step - 1), 3) if slots else None,
    }
    return b'%b,"totals":%b,"traffic":{%b}}' % (encoded(head)[:-1], totals, b",".join(kinds))


def _busiest(
    pieces: Sequence[Piece], entity: Entity, asked: Asked, step: int
) -> Generator[None, None, tuple[list[str], bool]]:
    """The names with the most bytes, and whether these are all that moved any."""
    complete = True
    moved: dict[str, float] = {}
    for piece in pieces:
        if piece.chunk is None:
            continue
        complete = complete and entity not in piece.chunk.incomplete
        columns = iter(list(piece.chunk.columns[entity].items()))
        while some := list(islice(columns, PIECE)):
            for name, column in some:
                if all(word in name.casefold() for word in asked.words):
                    moved[name] = moved.get(name, 0.0) + _bytes(piece, column, step)
            yield
    found = [name for name, size in moved.items() if size]
    names = nlargest(asked.limit, found, key=lambda name: moved[name])
    return names, complete and len(found) <= asked.limit


def _bytes(piece: Piece, column: Column, step: int) -> float:
    if piece.stop - piece.start == SLOTS:
        return column.bytes
    part = slice(piece.start, piece.stop)
    return step * (sum(column.uplink[part]) + sum(column.downlink[part]))


def _flow(pieces: Sequence[Piece], name: Name) -> Steps:
    directions = []
    for direction in DIRECTIONS:
        rates: list[int | None] = []
        for piece in pieces:
            rates += _rates(piece, name, direction)
        yield
        directions.append(b'"%b":%b' % (direction.encode("ascii"), encoded(rates)))
        yield
    return b"{%b}" % b",".join(directions)


def _rates(piece: Piece, name: Name, direction: Direction) -> Sequence[int | None]:
    """Whole bytes a second in each slot; None where that is not known."""
    chunk, start, stop = piece
    nothing: list[int | None] = [None] * (stop - start)
    if chunk is None:
        return nothing
    column = chunk.columns[name[0]].get(name[1])
    if column is None:
        if name[0] in chunk.incomplete:
            return nothing
        rates = [0] * (stop - start)
    else:
        rates = [*map(round, getattr(column, direction)[start:stop])]
    spans = chunk.spans[start:stop]
    if 0.0 not in spans:
        return rates
    return [rate if span else None for rate, span in zip(rates, spans, strict=True)]


def _range(text: str) -> Field:
    if text not in RANGES:
        message = f"there is no range {text[:40]!r}; there are {', '.join(RANGES)}"
        raise ValueError(message)
    return "range", text


_ARGUMENTS: Mapping[str, Callable[[str], Field]] = {
    "range": _range,
    "filter": lambda text: ("words", parse_words("filter", text)),
    "limit": lambda text: ("limit", parse_number("limit", text, MAX_LISTED)),
}
