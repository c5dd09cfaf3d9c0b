"""How many examples hypothesis tries of a property."""

from __future__ import annotations

import os

__all__ = ["MOST", "examples"]

MOST = "PIPETWIST_EXAMPLES"
"""The variable that says how many at most."""


def examples(number: int) -> int:
    """That many, or fewer where a run asks for no more: one on another Python asks whether the code
    works there at all, and whether the property holds has been asked already.

    Args:
        number: how many it takes to find what breaks the property.
    """
    return min(number, int(os.environ.get(MOST, number)))
