"""Counters as in a file, which outlive what uses them."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import cast

from pipetwist.quotas.usage import Usage
from pipetwist.storage.words import UNIT, decode, encode

__all__ = ["CounterFile", "DyingCell", "Killed"]


class Killed(BaseException):
    """The process is killed."""


class DyingCell(list[int]):
    """A total and a baseline. After so many writes the process is killed."""

    lives = -1

    def __setitem__(self, where: object, value: object) -> None:
        if not DyingCell.lives:
            raise Killed
        DyingCell.lives -= 1
        super().__setitem__(cast("int", where), cast("int", value))


class FileLikeCounter:
    """A counter as in a file, at some place in it."""

    unit = UNIT

    def __init__(self, place: int) -> None:
        self.places = (place * 16, place * 16 + 8)
        self.cell: MutableSequence[int] | memoryview[int] = DyingCell(
            encode(place, 0) for place in self.places
        )

    def numbers(self) -> tuple[int, int]:
        """The total and the baseline, which must be valid."""
        numbers = [decode(place, word) for place, word in zip(self.places, self.cell, strict=True)]
        total, baseline = numbers
        assert total is not None and baseline is not None and total >= baseline, numbers  # noqa: PT018 - of a model
        return total, baseline


class CounterFile:
    """The counters of one usage, which outlive it."""

    def __init__(self) -> None:
        self.counters: list[FileLikeCounter] = []

    def open_counter(self, number: int) -> FileLikeCounter:
        if number == len(self.counters):
            self.counters.append(FileLikeCounter(number + 7))
        return self.counters[number]

    def usage(self, begin: int) -> Usage:
        return Usage(begin, self.open_counter, len(self.counters))
