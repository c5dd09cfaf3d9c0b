"""Values that take away one that would hold otherwise: null is such a value here, and not the same
as absent.

What is taken away is an infinite number, so that None is what is not written at all.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Annotated, Any

from pipetwist.values.checked import Checked
from pipetwist.values.durations import Duration
from pipetwist.values.numbers import Megabits, PerSecondNumber, PositiveCount

__all__ = ["CountOrNone", "DurationOrNone", "MegabitsOrNone", "PerSecondOrNone"]


def _or_null(kind: Any) -> Checked:  # an Annotated, which is of no type itself
    marks: tuple[Checked, ...] = kind.__metadata__
    checked = marks[0]
    parse: Callable[[object, Path], Any] = checked.parse  # what the kind's values are

    def parse_or_null(raw: object, folder: Path) -> object:
        return inf if raw is None else parse(raw, folder)

    def write(value: object) -> object:
        return None if value in (None, inf) else checked.write(value)

    return Checked(parse_or_null, {"anyOf": [dict(checked.schema), {"type": "null"}]}, write)


CountOrNone = Annotated[float | None, _or_null(PositiveCount)]
DurationOrNone = Annotated[float | None, _or_null(Duration)]
MegabitsOrNone = Annotated[float | None, _or_null(Megabits)]
PerSecondOrNone = Annotated[float | None, _or_null(PerSecondNumber)]
