"""``pipetwist close``."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pipetwist.cli.connection_options import complete_ids, selection_options
from pipetwist.cli.output import print_json
from pipetwist.cli.quantities import count_text
from pipetwist.cli.server_options import ServerChoice, control_options

if TYPE_CHECKING:
    from pipetwist.client.control import Selected

__all__ = ["close"]

_NOTHING_MATCHES = 1  # as grep(1)


def _check_ids(
    context: click.Context, parameter: click.Parameter, written: tuple[str, ...]
) -> tuple[str, ...]:
    from pipetwist.control.ids import parse_id

    try:
        return tuple(str(parse_id(one)) for one in written)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


@click.command(short_help="Close open connections.")
@click.argument(
    "ids", metavar="[ID]...", nargs=-1, callback=_check_ids, shell_complete=complete_ids
)
@selection_options
@click.option(
    "--json", "as_json", is_flag=True, help='Print JSON: {"closed": ..., "unknown_ids": [...]}.'
)
@control_options
def close(ids: tuple[str, ...], selected: Selected, as_json: bool, server: ServerChoice) -> None:
    """Close the open connections with these ids, or those that the options choose: all must hold
    that are given.

    An ID is as pipetwist connections shows it. One of an earlier run of the daemon closes nothing.
    What is not delivered yet is dropped. The daemon logs who closed what. The exit status is 0 if
    any was closed, 1 if there was none, and 2 after an error, as grep's.
    """
    from pipetwist.client.control import ControlCalls, Selected

    if bool(ids) == (selected != Selected()):
        message = "say which connections: ids, or --user, --inbound, --outbound and --older"
        raise click.UsageError(message)
    with closing(ControlCalls(server())) as calls:
        closed = calls.close_connections(replace(selected, ids=ids))
    if as_json:
        print_json({"closed": closed.number, "unknown_ids": list(closed.unknown_ids)})
    else:
        click.echo(f"Closed {count_text(closed.number, 'connection')}.")
        for unknown in closed.unknown_ids:
            click.echo(f"pipetwist: no open connection has the id {unknown}", err=True)
    if not closed.number:
        click.get_current_context().exit(_NOTHING_MATCHES)
