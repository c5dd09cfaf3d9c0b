"""``pipetwist stats``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from pipetwist.cli.output import on_terminal
from pipetwist.cli.repeating import interval_option, watch_option
from pipetwist.cli.selecting import pattern_options, selected, tell_idle
from pipetwist.cli.server_options import ServerChoice, server_options
from pipetwist.cli.showing import Form, Show
from pipetwist.cli.stored import stored_counters, tell_remarks
from pipetwist.cli.traffic import ORDERS

if TYPE_CHECKING:
    from pipetwist.client.calls import StatsCalls
    from pipetwist.client.counters import Selection

__all__ = ["stats"]


@click.command(short_help="Show counters and reset them.")
@pattern_options
@click.option(
    "--reset", is_flag=True, help="Reset the counters that are shown to 0, and no others."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help='Print JSON: {"stat": [{"name": ..., "value": ...}]}, values in bytes.',
)
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="Print CSV: the columns entity, name, uplink, downlink and total, in bytes.",
)
@click.option(
    "--sort",
    type=click.Choice(ORDERS),
    default="name",
    show_default=True,
    metavar="BY",
    help="How to sort: by name, or by uplink, downlink or total, the largest first.",
)
@click.option("--bytes", "exact", is_flag=True, help="Show plain numbers of bytes in the table.")
@watch_option
@interval_option("2s", "How often --watch asks.")
@click.option(
    "--store",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Read a daemon's file of counters, even if it is stopped; ask no server.",
)
@click.option(
    "--total",
    is_flag=True,
    help="Show what was counted in all, not since the last reset; from a file, or pipetwist's API.",
)
@server_options
def stats(
    patterns: tuple[str, ...],
    regexp: bool,
    reset: bool,
    as_json: bool,
    as_csv: bool,
    sort: str,
    exact: bool,
    watch: bool,
    interval: float,
    store: str | None,
    total: bool,
    server: ServerChoice,
) -> None:
    """Show the counters whose names contain any PATTERN, or all of them.

    A name is, for instance, user>>>alice>>>traffic>>>uplink. On a terminal sizes are in units (1
    KiB is 1024 bytes). Elsewhere each counter is a line with its name, a TAB and its bytes.
    """
    selection = selected(patterns, regexp=regexp)
    form = Form(as_json=as_json, as_csv=as_csv, exact=exact, sort=sort)
    if (fault := _why_not_together(store, form, reset=reset, total=total, watch=watch)) is not None:
        raise click.UsageError(fault)

    def run(read: Callable[[Show], object]) -> None:
        if not watch:
            shown: dict[str, int] = {}
            read(lambda values: shown.update(form.show(values)))
            tell_idle(selection, shown, reset=reset)
        elif on_terminal() and not as_json:
            _watch_table(read, interval, form)
        else:
            _watch_lines(read, interval, lambda values: form.show(values, again=True))

    if store is not None:
        tell_remarks(store)
        run(lambda show: show(stored_counters(store, selection, total=total)))
        return
    from pipetwist.client.calls import StatsCalls

    with closing(StatsCalls(server())) as calls:
        run(lambda show: _read(calls, selection, show, reset=reset, total=total))


def _why_not_together(
    store: str | None, form: Form, *, reset: bool, total: bool, watch: bool
) -> str | None:
    context = click.get_current_context()
    if form.as_csv and (form.as_json or watch):
        return "--csv is one table: leave out --json or --watch"
    if reset and total:
        return "--reset does not change what --total shows; leave one of the two out"
    if store is None:
        return None
    if any(
        context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        for name in ("server", "config")
    ):
        return "--store reads a file and asks no server; leave out --server and --config"
    if reset:
        return (
            "--store only reads: ask the running server to reset, or remove counters from a file "
            "with pipetwist stats forget"
        )
    return None


def _read(calls: StatsCalls, selection: Selection, show: Show, *, reset: bool, total: bool) -> None:
    """Read counters once and show them. After an error the counters that were already reset are
    shown too, since their values can't be read again.
    """
    from pipetwist.client.counters import read_counters, reset_counters

    if not reset:
        show(read_counters(calls, selection, total=total))
        return
    taken: dict[str, int] = {}
    try:
        # One after the other, so that those before an error are kept.
        taken.update(reset_counters(calls, selection))
    except BaseException:
        if taken:
            show(taken)
        raise
    show(taken)


def _watch_lines(read: Callable[[Show], object], interval: float, show: Show) -> None:
    from pipetwist.errors import ServerError, StoreError

    read(show)
    while True:
        time.sleep(interval)
        try:
            read(show)
        except (ServerError, StoreError) as error:
            click.echo(f"pipetwist: {error}", err=True)  # with --watch it may come back


def _watch_table(read: Callable[[Show], object], interval: float, form: Form) -> None:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    from pipetwist.cli.output import printable
    from pipetwist.errors import ServerError, StoreError

    shown: Mapping[str, int] = {}

    def keep(values: Mapping[str, int]) -> object:
        nonlocal shown
        shown = values
        return shown

    read(keep)
    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        fault = ""
        while True:
            live.update(Group(form.table(shown), Text(fault, style="red")), refresh=True)
            time.sleep(interval)
            fault = ""
            try:
                read(keep)
            except (ServerError, StoreError) as error:
                fault = printable(str(error))
