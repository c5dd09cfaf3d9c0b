"""A document's fenced blocks, and the headings that they stand under."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pipetwist

__all__ = ["ROOT", "Block", "blocks", "headings"]

ROOT = Path(pipetwist.__file__).parent.parent
"""The checkout."""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        language: what the fence says that it is.
        text: what is in it.
        key_path: the file and the line where it begins.
        heading: the heading that it stands under.
    """

    language: str
    text: str
    key_path: str
    heading: str

    @property
    def name(self) -> str | None:
        """The file that it is to be saved as, where its first line says that."""
        named = re.match(r"(?:#|//) (\w[\w.]*\.\w+)\n", self.text)
        return None if named is None else named[1]


def blocks(document: str) -> list[Block]:
    """The blocks of a document, in their order."""
    return list(_blocks(document, (ROOT / document).read_text(encoding="utf-8")))


def headings(text: str) -> list[str]:
    """The headings of a document's text, in their order."""
    return [heading for _, heading in _outside_blocks(text) if heading]


def _blocks(document: str, text: str) -> Iterator[Block]:
    heading = ""
    lines = enumerate(text.splitlines(), 1)
    for number, line in lines:
        if line.startswith("#"):
            heading = line.lstrip("#").strip()
        elif line.startswith("```"):
            inside = []
            for _, inner in lines:
                if inner == "```":
                    break
                inside.append(f"{inner}\n")
            yield Block(line[3:], "".join(inside), f"{document}:{number}", heading)


def _outside_blocks(text: str) -> Iterator[tuple[str, str]]:
    """Each line that is in no block, and the heading that it is, or nothing."""
    inside = False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            yield line, line.lstrip("#").strip() if line.startswith("#") else ""
