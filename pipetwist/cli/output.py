"""What commands print: for a terminal, for a program that reads lines, and as JSON.

Plain lines are full names and plain integers, separated by a TAB. Their format never changes,
unlike that of tables.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable

import click

__all__ = ["on_terminal", "print_csv", "print_json", "print_lines", "printable"]


def on_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def print_lines(lines: Iterable[Iterable[object]]) -> None:
    """Print lines of fields."""
    text = "\n".join("\t".join(printable(str(field)) for field in fields) for fields in lines)
    if text:
        click.echo(text)


def print_csv(rows: Iterable[Iterable[object]]) -> None:
    """Print rows as CSV (RFC 4180), with the line ends of this system."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([printable(str(field)) for field in row] for row in rows)
    click.echo(text.getvalue(), nl=False)


def print_json(value: object, *, one_line: bool = False) -> None:
    """Print a value as JSON, in ASCII, so that it is the same in every locale."""
    click.echo(json.dumps(value, indent=None if one_line else 2))


def printable(text: str) -> str:
    """A text in which characters that control a terminal, or break a line, are escaped: names come
    from the server, and it may have them from anybody.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )
