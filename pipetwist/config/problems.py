"""Problems of a configuration, and where they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import EllipsisType

from pipetwist.values import quote

__all__ = ["KeyPath", "Problem", "every", "format_key_path", "in_order"]

KeyPath = tuple[str | int, ...]
"""The keys and list indices that lead to a value from the top of the document."""

_PLAIN_KEY = re.compile(r"[^\W\d][\w$-]*")


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes:
        key_path: where it is.
        text: what is wrong, for people, on one line.
    """

    key_path: KeyPath
    text: str

    def __str__(self) -> str:
        return f"{format_key_path(self.key_path)}: {self.text}" if self.key_path else self.text


def format_key_path(key_path: KeyPath) -> str:
    """Format a key path as in ``inbounds[0].users[1].uid``."""
    text = ""
    for step in key_path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{quote(step)}]"
    return text


def every(raw: object, *steps: str | EllipsisType) -> Iterator[tuple[KeyPath, object]]:
    """Find every value at a path pattern, in a document that may be invalid.

    Args:
        raw: the document.
        steps: keys, and ``...`` for each entry of a list.

    Yields:
        The key path and the value of each.
    """
    if not steps:
        yield (), raw
        return
    step, *further = steps
    within: Iterable[tuple[str | int, object]] = ()
    if isinstance(raw, list) and step is ...:
        within = enumerate(raw)
    elif isinstance(raw, dict) and step in raw:
        within = [(str(step), raw[step])]
    for key, value in within:
        for key_path, found in every(value, *further):
            yield (key, *key_path), found


def in_order(problems: Iterable[Problem], raw: object) -> list[Problem]:
    """Each problem once, in the order of the document."""
    return sorted(dict.fromkeys(problems), key=lambda problem: list(_steps(problem.key_path, raw)))


def _steps(key_path: KeyPath, raw: object) -> Iterator[int]:
    for step in key_path:
        if isinstance(step, int):
            yield step
            raw = raw[step] if isinstance(raw, list) else None
        else:
            members: dict[str, object] = raw if isinstance(raw, dict) else {}
            yield [*members, step].index(step)  # missing keys come last
            raw = members.get(step)
