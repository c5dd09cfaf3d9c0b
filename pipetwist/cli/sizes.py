"""Sizes on the command line: as in a configuration, or a plain number of bytes."""

from __future__ import annotations

import click

from pipetwist.values.sizes import parse_size

__all__ = ["to_bytes"]


def to_bytes(context: click.Context, parameter: click.Parameter, written: str) -> int:
    """Turn an option's ``500`` or ``10MB`` into bytes, as click calls it.

    Raises:
        click.BadParameter: it is not a size.
    """
    try:
        return parse_size(f"{written}B" if written.isascii() and written.isdigit() else written)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None
