"""Rates over time: an hour by seconds, and a day by minutes, in bounded memory.

This is data alone: no clock and no I/O. A slot is one second or one minute, and has a number; what
time that is, `pipetwist.page.recorder` knows. Slots come in chunks of sixty. A chunk has a column
for each name that moved bytes in it, so that names which move nothing cost nothing; once it is
complete it keeps those with the most bytes.
"""

from __future__ import annotations

import heapq
from array import array
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from pipetwist.page.sampling import MAX_NAMES
from pipetwist.stats.names import ENTITIES

__all__ = [
    "ALL",
    "KEPT",
    "KINDS",
    "SLOTS",
    "Chunk",
    "History",
    "Kind",
    "Moved",
    "Name",
    "Piece",
    "Rate",
    "Ring",
]

SLOTS = 60
"""The slots of a chunk."""
KEPT = 100
"""How many inbounds, outbounds and users a complete chunk keeps."""
Kind = Literal["total", "inbound", "outbound", "user"]
KINDS: tuple[Kind, ...] = ("total", *ENTITIES)
"""What there are rates of: everything together, and each entity."""
Name = tuple[Kind, str]
"""A name, and what has it."""
ALL: Name = ("total", "")
"""The name of everything together."""
Rate = tuple[Name, float, float]
"""Bytes a second of one name: read from clients, and written to them. A plain tuple of which there
are many for a moment: Python's garbage collector does not look at those again.
"""
_NOTHING = bytes(4 * SLOTS)
_PIECE = 250  # names in one step: a quarter of a millisecond


class Moved(NamedTuple):
    """Bytes that moved, by the names that moved any.

    Attributes:
        uplink: read from clients.
        downlink: written to clients.
    """

    uplink: Mapping[Name, float]
    downlink: Mapping[Name, float]

    def rates(self, seconds: float) -> Iterator[Rate]:
        """The rate of each over so many seconds."""
        uplink, downlink = self
        for name, size in uplink.items():
            yield name, size / seconds, downlink.get(name, 0.0) / seconds
        for name, size in downlink.items():
            if name not in uplink:
                yield name, 0.0, size / seconds


class Column:
    """The rates of one name in the slots of a chunk, and its bytes in all of them."""

    __slots__ = ("downlink", "downlink_bytes", "uplink", "uplink_bytes")

    def __init__(self) -> None:
        self.uplink = array("f", _NOTHING)
        self.downlink = array("f", _NOTHING)
        self.uplink_bytes = 0.0
        self.downlink_bytes = 0.0

    @property
    def bytes(self) -> float:
        """Those of both directions."""
        return self.uplink_bytes + self.downlink_bytes


class Chunk:
    """Sixty slots in a row.

    Args:
        number: counts chunks from slot 0 on.
    """

    __slots__ = ("columns", "incomplete", "number", "spans")

    def __init__(self, number: int) -> None:
        self.number = number
        self.spans = array("f", _NOTHING)
        """For how many seconds of each slot rates are known; 0 in a gap."""
        self.columns: dict[Kind, dict[str, Column]] = {kind: {} for kind in KINDS}
        self.incomplete: set[Kind] = set()
        """Those of which some names have no column although they moved bytes."""

    def __repr__(self) -> str:
        known = sum(1 for span in self.spans if span)
        names = sum(map(len, self.columns.values()))
        return f"<Chunk {self.number}: {known} slots, {names} names>"

    def put(self, place: int, name: Name, uplink: float, downlink: float) -> None:
        """Note the rate of a name in a slot, which has its span already."""
        kind, text = name
        columns = self.columns[kind]
        column = columns.get(text)
        if column is None:
            if len(columns) >= MAX_NAMES:
                self.incomplete.add(kind)
                return
            column = columns[text] = Column()
        span = self.spans[place]
        column.uplink[place] = uplink
        column.downlink[place] = downlink
        column.uplink_bytes += uplink * span
        column.downlink_bytes += downlink * span

    def means(self) -> Iterator[Rate]:
        """The mean rate of each name over the slots that are known."""
        seconds = sum(self.spans)
        for kind, columns in self.columns.items():
            for name, column in columns.items():
                yield (
                    (kind, name),
                    column.uplink_bytes / seconds,
                    column.downlink_bytes / seconds,
                )

    def keep(self, kind: Kind, names: int) -> None:
        """Keep so many names of a kind, those with the most bytes."""
        columns = self.columns[kind]
        if len(columns) > names:
            self.incomplete.add(kind)
            # Another dict: whoever reads the old one goes on.
            self.columns[kind] = dict(
                heapq.nlargest(names, columns.items(), key=lambda item: item[1].bytes)
            )


class Piece(NamedTuple):
    """A part of a chunk.

    Attributes:
        chunk: the chunk; None if nothing of it is known.
        start: its first place.
        stop: the place after its last one.
    """

    chunk: Chunk | None
    start: int
    stop: int


class Ring:
    """The last chunks.

    Args:
        step: seconds of a slot.
        chunks: how many complete ones are kept at most.
        names: how many names of each kind these keep.
    """

    def __init__(self, step: int, chunks: int, names: int = KEPT) -> None:
        self.step = step
        self.names = names
        self.last: int | None = None
        """The latest slot that is complete."""
        self._most = chunks
        self._chunks: deque[Chunk] = deque()

    def __repr__(self) -> str:
        return f"<Ring of {self.step} s, {len(self._chunks)} chunks until slot {self.last}>"

    def begin(self, slot: int, span: float) -> Chunk | None:
        """Begin a slot, which is later than all before.

        Args:
            slot: its number.
            span: for how many of its seconds rates are known.

        Returns:
            The chunk that is complete now; None if none has become so.
        """
        number, place = divmod(slot, SLOTS)
        complete = None
        if not self._chunks or self._chunks[-1].number != number:
            complete = self._chunks[-1] if self._chunks else None
            self._chunks.append(Chunk(number))
            while self._chunks[0].number < number - self._most:
                self._chunks.popleft()
        self._chunks[-1].spans[place] = span
        return complete

    def fill(self, slot: int, rates: Iterable[Rate]) -> Iterator[None]:
        """Note the rates of the slot that was begun; names that are left out moved nothing."""
        put, place = self._chunks[-1].put, slot % SLOTS
        for count, (name, uplink, downlink) in enumerate(rates, 1):
            put(place, name, uplink, downlink)
            if not count % _PIECE:
                yield
        self.last = slot

    def latest(self, slots: int) -> range:
        """So many slots up to the last one, or as many as there are."""
        if self.last is None:
            return range(0)
        first = self._chunks[0].number * SLOTS
        return range(max(self.last + 1 - slots, first), self.last + 1)

    def pieces(self, slots: range) -> list[Piece]:
        """The parts of chunks that these slots are, in order."""
        chunks = {chunk.number: chunk for chunk in self._chunks}
        found = []
        start = slots.start
        while start < slots.stop:
            number, place = divmod(start, SLOTS)
            stop = min(slots.stop, (number + 1) * SLOTS)
            found.append(Piece(chunks.get(number), place, place + stop - start))
            start = stop
        return found


class History:
    """An hour by seconds and a day by minutes.

    Args:
        names: how many names of each kind complete chunks keep.
    """

    def __init__(self, names: int = KEPT) -> None:
        self.seconds = Ring(1, 60, names)
        self.minutes = Ring(SLOTS, 24, names)

    def __repr__(self) -> str:
        return f"<History: {self.seconds}, {self.minutes}>"

    def add(self, slots: range, seconds: float, moved: Moved) -> Generator[None, None, None]:
        """Note what moved, evenly, in some slots: in steps, other work may be done at each yield.

        Args:
            slots: the slots, later than all before; any between are a gap.
            seconds: how many seconds all of them were, more or less.
            moved: what did.
        """
        for slot in slots:
            complete = self.seconds.begin(slot, seconds / len(slots))
            if complete is not None:
                yield from self._add_minute(complete)
            yield from self.seconds.fill(slot, moved.rates(seconds))

    def _add_minute(self, seconds: Chunk) -> Iterator[None]:
        hour = self.minutes.begin(seconds.number, sum(seconds.spans))
        if hour is not None:
            yield from _reduce(hour, self.minutes.names)
        yield from self.minutes.fill(seconds.number, seconds.means())
        yield from _reduce(seconds, self.seconds.names)


def _reduce(chunk: Chunk, names: int) -> Iterator[None]:
    for kind in KINDS:
        chunk.keep(kind, names)
        yield
