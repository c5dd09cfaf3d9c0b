"""Durations on the command line: as in a configuration, or a plain number of seconds."""

from __future__ import annotations

import click

from pipetwist.values.durations import parse_duration

__all__ = ["to_seconds"]


def to_seconds(context: click.Context, parameter: click.Parameter, written: str) -> float:
    """Turn an option's ``5``, ``500ms`` or ``1m30s`` into seconds, as click calls it.

    Raises:
        click.BadParameter: it is not a duration.
    """
    is_number = written.replace(".", "", 1).isdecimal()
    try:
        return parse_duration(f"{written}s" if is_number else written)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None
