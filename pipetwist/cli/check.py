"""``pipetwist check``."""

from __future__ import annotations

import click

__all__ = ["check"]


@click.command(short_help="Say whether a configuration is good.")
@click.argument("file", type=click.Path())
def check(file: str) -> None:
    """Say whether the configuration FILE is good.

    Every problem is a line on standard error, and the exit status is then 1.
    """
    from pipetwist.config.reading import read_document

    document = read_document(file)
    inbounds = _counted(len(document.inbounds), "inbound")
    click.echo(f"{file} is good: {inbounds}, {_counted(len(document.outbounds), 'outbound')}.")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
