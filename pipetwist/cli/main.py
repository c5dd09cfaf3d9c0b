"""The command ``pipetwist``: what can be done without a running daemon. Each command of it has a file of its own."""

from __future__ import annotations

import click

from pipetwist import __version__
from pipetwist.cli.check import check
from pipetwist.cli.schema import schema

__all__ = ["main"]


@click.group()
@click.version_option(__version__, prog_name="pipetwist", message="%(prog)s %(version)s")
def main() -> None:
    """Look after configurations of pipetwist; twistd starts it."""


main.add_command(check)
main.add_command(schema)
