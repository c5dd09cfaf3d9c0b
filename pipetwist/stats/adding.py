"""One call that adds to several counters: it is made for every read and every write of a counted
connection.

A loop over the counters, or a call of each, would cost more than the adding. So the code of such a
call is written out for as many counters as there are, and of the kinds that they are, as
``dataclasses`` writes out a class's methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Protocol, cast

from pipetwist.interfaces import CounterLike, ICellCounter

__all__ = ["Add", "adder"]


class Add(Protocol):
    """Adds so many bytes."""

    def __call__(self, count: int, /) -> None: ...


def adder(counters: Sequence[CounterLike]) -> Add:
    """What adds to all of these counters, which may be of several stores.

    To one that provides `ICellCounter` it adds without a call, to any other by `ICounter.add`.
    """
    of_cells: list[ICellCounter | None] = [ICellCounter(counter, None) for counter in counters]
    maker = _maker(tuple(None if counter is None else counter.unit for counter in of_cells))
    cells = [None if counter is None else counter.cell for counter in of_cells]
    return maker(
        *chain.from_iterable(zip(cells, (counter.add for counter in counters), strict=True))
    )


@lru_cache
def _maker(units: tuple[int | None, ...]) -> Callable[..., Add]:
    """What makes adders for counters with cells of these units; None stands for a counter
    without.
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
    made: dict[str, Any] = {}
    exec("\n".join(lines), made)  # noqa: S102 - nothing but numbers gets into these lines
    return cast("Callable[..., Add]", made["maker"])
