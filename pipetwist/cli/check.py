"""``pipetwist check``."""

from __future__ import annotations

import click

from pipetwist.config.reading import read_document
from pipetwist.errors import ConfigError

__all__ = ["check"]


@click.command()
@click.argument("file")
def check(file: str) -> None:
    """Say whether the configuration FILE is good.

    Every problem is a line on standard error, and the exit status is then 1.
    """
    try:
        document = read_document(file)
    except ConfigError as error:
        click.echo(error, err=True)
        raise SystemExit(1) from None
    inbounds = _counted(len(document.inbounds), "inbound")
    click.echo(f"{file} is good: {inbounds}, {_counted(len(document.outbounds), 'outbound')}.")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
