"""``pipetwist check``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pipetwist.cli.check_route import Asked, answer
from pipetwist.cli.output import print_json
from pipetwist.cli.quantities import count_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipetwist.config.document import Document
    from pipetwist.config.problems import Problem
    from pipetwist.config.source import Finding, Source

__all__ = ["check"]


@click.command(short_help="Check a configuration.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
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
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help='Print JSON: {"files": [{"file": ..., "valid": ..., "problems": [...], "notes": [...]}]}.',
)
@click.option(
    "--route",
    is_flag=True,
    help="Say where a connection goes, and which rule says so; after the FILE come inbound=TAG, "
    "and user=NAME, source=ADDRESS and network=udp if they matter.",
)
def check(
    files: tuple[str, ...], panel: str | None, here: bool, as_json: bool, route: bool
) -> None:
    """Check each configuration FILE; - is standard input.

    Every problem is a line on standard error, with its line and column, and the exit status is then
    1. A note there is about something that is valid but may surprise.
    """
    if route:
        _show_route(files[0], Asked.of_words(files[1:]), as_json=as_json)
        return
    checked = [_check(file, panel, here=here) for file in files]
    if as_json:
        print_json({"files": [one.as_json() for one in checked]})
    else:
        for one in checked:
            one.show()
    if any(one.problems for one in checked):
        click.get_current_context().exit(1)


@dataclass(frozen=True)
class _Checked:
    """What is to be said about a file."""

    file: str
    document: Document | None
    problems: Sequence[Finding]
    notes: Sequence[Finding] = ()

    def show(self) -> None:
        """Print it for people."""
        for problem in self.problems:
            click.echo(problem, err=True)
        if self.document is not None and not self.problems:
            inbounds = count_text(len(self.document.inbounds), "inbound")
            outbounds = count_text(len(self.document.outbounds), "outbound")
            click.echo(f"{self.file} is valid: {inbounds}, {outbounds}.")
        for note in self.notes:
            click.echo(f"{note.label}: note: {note.problem}", err=True)

    def as_json(self) -> dict[str, object]:
        """It for programs."""
        return {
            "file": self.file,
            "valid": not self.problems,
            "problems": [_as_json(problem) for problem in self.problems],
            "notes": [_as_json(note) for note in self.notes],
        }


def _as_json(finding: Finding) -> dict[str, object]:
    from pipetwist.config.problems import format_key_path

    place = finding.place
    return {
        "line": None if place is None else place.line,
        "column": None if place is None else place.column,
        "key": format_key_path(finding.problem.key_path),
        "text": finding.problem.text,
    }


def _show_route(file: str, asked: Asked, *, as_json: bool) -> None:
    from pipetwist.config.problems import Problem

    source, document = _read(file)
    found = answer(document, asked)
    (finding,) = source.locate([Problem(found.key_path, found.text)])
    if as_json:
        print_json({"file": source.name, **_as_json(finding), "decision": found.decision})
    else:
        click.echo(f"{finding.label}: {found.text}")
    if found.note:
        click.echo(f"{source.name}: note: {found.note}", err=True)


def _read(file: str) -> tuple[Source, Document]:
    from pipetwist.config.reading import read_source
    from pipetwist.config.source import STANDARD_INPUT, Source
    from pipetwist.config.users_file import with_users_of_file

    source = Source.of_standard_input() if file == STANDARD_INPUT else Source.of_file(file)
    return source, with_users_of_file(read_source(source))


def _check(file: str, panel: str | None, *, here: bool) -> _Checked:
    from pipetwist.config.notes import is_root, notes
    from pipetwist.config.source import InvalidConfigError

    try:
        source, document = _read(file)
    except InvalidConfigError as error:
        return _Checked(file, None, error.findings)
    found = source.locate(_problems(document, panel))
    if here and not found:
        found = _missing_here(source, document)
    return _Checked(
        source.name,
        document,
        found,
        () if found else source.locate(notes(document, root=is_root())),
    )


def _problems(document: Document, panel: str | None) -> Iterator[Problem]:
    """What is wrong with a document of which each part is valid."""
    from pipetwist.config.collisions import collisions
    from pipetwist.config.panels import PANELS
    from pipetwist.config.problems import Problem
    from pipetwist.config.unknown_sources import unknown_sources

    yield from collisions(document)
    yield from unknown_sources(document)
    if panel is not None:
        yield from PANELS[panel](document)
    for section, entries in (("inbounds", document.inbounds), ("outbounds", document.outbounds)):
        for index, options in enumerate(entries):
            for key, text in options.unknown_here():
                yield Problem((section, index, key), text)


def _missing_here(source: Source, document: Document) -> list[Finding]:
    from pipetwist.config.problems import Problem
    from pipetwist.config.source import Finding
    from pipetwist.service.preflight import preflight_problems

    return [
        Finding(source.name, Problem((), fault), None) for fault in preflight_problems(document)
    ]
