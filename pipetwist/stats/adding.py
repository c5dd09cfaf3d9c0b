"""A function that adds to several counters, which is called for every read and every write of a
counted connection.

A loop over the counters, or a call for each, would cost more than the additions. So the function's
code is generated for the number and the kinds of the counters, as ``dataclasses`` generates
methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Protocol, cast

from pipetwist.interfaces import CounterLike, ICellCounter

__all__ = ["Add", "adder"]


class Add(Protocol):
    """Adds a number of bytes."""

    def __call__(self, count: int, /) -> None: ...


def adder(counters: Sequence[CounterLike]) -> Add:
    """Make a function that adds to all of these counters, which may be from several stores.

    It adds to an `ICellCounter` without a call, and to any other with `ICounter.add`.
    """
    of_cells: list[ICellCounter | None] = [ICellCounter(counter, None) for counter in counters]
    maker = _maker(tuple(None if counter is None else counter.unit for counter in of_cells))
    cells = [None if counter is None else counter.cell for counter in of_cells]
    return maker(
        *chain.from_iterable(zip(cells, (counter.add for counter in counters), strict=True))
    )


@lru_cache
def _maker(units: tuple[int | None, ...]) -> Callable[..., Add]:
    """Make the factory of adders for counters with cells of these units; None is a counter without
    a cell.
    """
    parameters = ", ".join(f"cell_{index}, add_{index}" for index in range(len(units)))
    lines = [f"def maker({parameters}):", "  def add(count):", "    pass"]
    lines += [
        f"    in_{unit} = count * {unit}"
        for unit in sorted({unit for unit in units if unit is not None} - {1})
    ]
    for index, unit in enumerate(units):
        if unit is None:
            lines.append(f"    add_{index}(count)")
        else:
            lines.append(f"    try: cell_{index}[0] += {'count' if unit == 1 else f'in_{unit}'}")
            lines.append(f"    except ValueError: add_{index}(count)")
    lines.append("  return add")
    made: dict[str, object] = {}
    exec("\n".join(lines), made)  # noqa: S102 - nothing but numbers gets into these lines
    return cast("Callable[..., Add]", made["maker"])
