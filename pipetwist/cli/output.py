"""What commands print: for a terminal, for a program that reads lines, and as JSON.

Plain lines are full names and plain integers with a TAB between them, and stay as they are whatever
a table comes to look like.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

import click

__all__ = ["on_terminal", "print_json", "print_lines", "printable"]


def on_terminal() -> bool:
    """Whether people read standard output as it is written."""
    return sys.stdout.isatty()


def print_lines(lines: Iterable[Iterable[object]]) -> None:
    """Print lines of fields."""
    text = "\n".join("\t".join(printable(str(field)) for field in fields) for fields in lines)
    if text:
        click.echo(text)


def print_json(value: object, *, one_line: bool = False) -> None:
    """Print a value as JSON, in ASCII, so that it is the same in every locale."""
    click.echo(json.dumps(value, indent=None if one_line else 2))


def printable(text: str) -> str:
    """A text with what would steer a terminal, or break a line, in escapes: names come from the
    server, and it has them from anybody.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )
