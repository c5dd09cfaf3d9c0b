"""``pipetwist check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipetwist.cli.quantities import count_text
from pipetwist.errors import ConfigError

if TYPE_CHECKING:
    from pipetwist.config.document import Document

__all__ = ["check"]


@click.command(short_help="Check a configuration.")
@click.argument("file", type=click.Path())
@click.option(
    "--panel",
    type=click.Choice(["marzban", "hiddify", "3x-ui"]),
    metavar="NAME",
    help="Also check that this panel accepts the names of users and tags: marzban, hiddify or "
    "3x-ui.",
)
@click.option(
    "--here",
    is_flag=True,
    help="Also check what a start needs on this machine: commands, certificates, folders.",
)
def check(file: str, panel: str | None, here: bool) -> None:
    """Check the configuration FILE.

    Every problem is a line on standard error, and the exit status is then 1.
    A note there is about something that is valid but may surprise.
    """
    from pipetwist.config.collisions import collisions
    from pipetwist.config.notes import is_root, notes
    from pipetwist.config.panels import PANELS
    from pipetwist.config.reading import read_document

    document = read_document(file)
    taken = list(collisions(document))
    if taken:
        raise ConfigError("\n".join(f"{file}: {problem}" for problem in taken))
    unsuited = list(PANELS[panel](document)) if panel else []
    if unsuited:
        raise ConfigError("\n".join(f"{file}: {problem}" for problem in unsuited))
    if here:
        _look_here(file, document)
    inbounds = count_text(len(document.inbounds), "inbound")
    click.echo(f"{file} is valid: {inbounds}, {count_text(len(document.outbounds), 'outbound')}.")
    for note in notes(document, root=is_root()):
        click.echo(f"{file}: note: {note}", err=True)


def _look_here(file: str, document: Document) -> None:
    from pipetwist.service.preflight import preflight_problems

    faults = preflight_problems(document)
    if faults:
        message = "\n".join(f"{file}: {fault}" for fault in faults)
        raise ConfigError(message)
