"""The largest of many, picked in steps."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

__all__ = ["largest"]

_PIECE = 1000  # that are looked at in one step
_Item = TypeVar("_Item")


def largest(
    items: Sequence[_Item],
    most: int,
    key: Callable[[_Item], Any],  # what can be compared
) -> Generator[None, None, list[_Item]]:
    """Pick some: other work may be done at each yield.

    Args:
        items: all of them.
        most: how many to pick.
        key: what is compared.

    Returns:
        The largest ones, the largest first; equal ones in their order.
    """
    found: list[_Item] = []
    least: Any = None  # the key, which can be compared, of the last that is among the largest yet
    for start in range(0, len(items), _PIECE):
        piece = items[start : start + _PIECE]
        found += piece if least is None else [one for one in piece if key(one) > least]
        if len(found) > 2 * most:
            found = _first(found, most, key)
            least = key(found[-1])
        yield
    return _first(found, most, key)


def _first(
    items: Sequence[_Item],
    most: int,
    key: Callable[[_Item], Any],  # what can be compared
) -> list[_Item]:
    return sorted(items, key=key, reverse=True)[:most]
