"""What the commands do with a file of counters: read it, and remove counters."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pipetwist.errors import StoreError
from pipetwist.storage.file import is_locked, open_file, open_to_read, replace_file
from pipetwist.storage.layout import Contents, Slot, build
from pipetwist.storage.store_file import StoreFile

__all__ = [
    "Figures",
    "change_counters",
    "figures_of",
    "forget_counters",
    "read_counters",
    "remarks",
]

# While a daemon writes, a reader may see a half-written word.
_LOOKS = 5


class Figures(NamedTuple):
    """One counter.

    Attributes:
        name: for instance ``inbound>>>TAG>>>traffic>>>uplink``.
        total: all bytes counted; resets do not change it.
        value: bytes counted since the last reset.
    """

    name: str
    total: int
    value: int


def read_counters(path: str | os.PathLike[str]) -> list[Figures]:
    """The counters in a file, by name. Nothing in it is changed.

    If a daemon uses the file, each counter is read at some moment during the call.

    Raises:
        StoreError: there is no such file, or it is damaged.
    """
    file = open_to_read(path)
    try:
        contents = _look(file)
    finally:
        file.close()
    return figures_of(contents.slots)


def figures_of(slots: Iterable[Slot]) -> list[Figures]:
    """The counters of these records, by name."""
    figures: dict[str, Figures] = {}
    for slot in slots:
        before = figures.get(slot.name, Figures(slot.name, 0, 0))
        figures[slot.name] = Figures(
            slot.name, before.total + slot.total, before.value + slot.total - slot.baseline
        )
    return [figures[name] for name in sorted(figures)]


def remarks(path: str | os.PathLike[str]) -> list[str]:
    """Remarks on a file of counters, for people who read it: one line for each, and none for a file
    that was closed in order.

    Raises:
        StoreError: there is no such file, or it is damaged.
    """
    file = open_to_read(path)
    try:
        if is_locked(file):
            return [f"{file.path}: a running daemon uses this file; it goes on counting"]
        contents = _look(file)
    finally:
        file.close()
    if contents.sealed:
        return []
    said = [f"{file.path}: the daemon did not shut down cleanly; no counts are lost"]
    if contents.torn:
        said.append(
            f"{file.path}: the newest counters are incomplete; the next start clears "
            f"{contents.torn} bytes at its end"
        )
    return said


def forget_counters(path: str | os.PathLike[str], names: Iterable[str]) -> list[str]:
    """Remove counters from the file of a stopped daemon. The others do not change, and after a
    crash meanwhile either all or none are removed.

    Args:
        path: the file.
        names: the counters' whole names. A name without a counter is no error.

    Returns:
        The names of those that were removed, in order.

    Raises:
        StoreError: there is no such file, a daemon uses it, it is damaged, or it can't be replaced.
    """
    unwanted = set(names)
    found: set[str] = set()

    def kept(slots: list[Slot]) -> list[Slot]:
        found.update(unwanted & {slot.name for slot in slots})
        return [slot for slot in slots if slot.name not in unwanted]

    change_counters(path, kept)
    return sorted(found)


def change_counters(
    path: str | os.PathLike[str], change: Callable[[list[Slot]], list[Slot]]
) -> None:
    """Change the file of a stopped daemon. After a crash meanwhile either all is changed or
    nothing.

    Args:
        path: the file.
        change: gets its records, and returns those that it is to have.

    Raises:
        StoreError: there is no such file, a daemon uses it, it is damaged, or it can't be replaced.
    """
    file = open_file(path, create=False)
    try:
        slots = file.contents().slots
        changed = change(slots)
        if changed != slots:
            replace_file(file, build([(one.name, one.total, one.baseline) for one in changed]))
    finally:
        file.close()


def _look(file: StoreFile) -> Contents:
    for _ in range(_LOOKS):
        with contextlib.suppress(StoreError):
            return file.contents()
        if not is_locked(file):
            break
    return file.contents()
