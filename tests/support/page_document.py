"""A whole document at once."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from pipetwist.page.document import Times, connections, document, traffic
from pipetwist.page.sampling import Sampler
from pipetwist.page.view import View

T = TypeVar("T")


def outcome(steps: Generator[None, None, T]) -> T:
    """What comes of work in steps."""
    came: list[T] = []

    def work() -> Generator[None, None, None]:
        came.append((yield from steps))

    for _ in work():
        pass
    return came[0]


def told(sampler: Sampler, view: View, *, changes_only: bool = False) -> bytes:
    """The document of a sample, for a view."""
    parts = (
        outcome(traffic(sampler, changes_only=changes_only)),
        outcome(connections(sampler, view)),
    )
    return document(sampler, Times(0, 0, 0), *parts)
