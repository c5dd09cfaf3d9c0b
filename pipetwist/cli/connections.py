"""``pipetwist connections``."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import click

from pipetwist.cli.connection_options import complete_listed, selection_options
from pipetwist.cli.output import on_terminal, print_json, print_lines
from pipetwist.cli.repeating import interval_option, watch_option
from pipetwist.cli.server_options import ServerChoice, control_options
from pipetwist.cli.sizes import to_bytes

if TYPE_CHECKING:
    from pipetwist.client.control import ControlCalls, Selected
    from pipetwist.client.rates import Choice, Listed, Rates

__all__ = ["connections"]

_NOTHING_MATCHES = 1  # as grep(1)
_SORTS = ("id", "age", "bytes", "rate", "user")


@click.command(short_help="List open connections.")
@click.argument("words", metavar="[FILTER]...", nargs=-1, shell_complete=complete_listed)
@selection_options
@click.option(
    "--min-bytes",
    metavar="SIZE",
    callback=to_bytes,
    default="0",
    help="Only those that have moved so many bytes, both directions together.",
)
@click.option(
    "--min-rate",
    metavar="SIZE",
    callback=to_bytes,
    default="0",
    help="Only those that move so many bytes a second now, both directions together.",
)
@click.option(
    "--sort",
    metavar="BY",
    type=click.Choice(_SORTS),
    default="id",
    show_default=True,
    help="What comes first: the lowest id, or the largest age, bytes or rate; or by user.",
)
@click.option(
    "--limit", "-l", metavar="N", type=click.IntRange(min=1), help="Show N of them at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, ages in seconds.")
@watch_option
@interval_option("1s", "How often --watch asks, and over which time rates are measured.")
@control_options
def connections(
    words: tuple[str, ...],
    selected: Selected,
    min_bytes: int,
    min_rate: int,
    sort: str,
    limit: int | None,
    as_json: bool,
    watch: bool,
    interval: float,
    server: ServerChoice,
) -> None:
    """List the open connections that have every word of FILTER in their tags, user or client, in
    any case; without one, all of them.

    Elsewhere than on a terminal each is a line with its id, inbound, outbound, user, client, age in
    seconds, uplink and downlink in bytes, separated by TABs; a user that is not known is -. The
    exit status is 0 if there was any, 1 if there was none, and 2 after an error, as grep's.
    """
    from pipetwist.client.control import ControlCalls
    from pipetwist.client.rates import Choice, Rates

    choice = Choice(words, min_bytes, min_rate, sort, limit)
    with closing(ControlCalls(server())) as calls:
        listing = _Listing(calls, selected, choice, Rates())
        if watch:
            _watch(listing, interval, as_json=as_json)
        if choice.needs_rates:
            listing.read()
            time.sleep(interval)
        found = listing.read()
    _show(found, as_json=as_json, again=False)
    if not found:
        click.get_current_context().exit(_NOTHING_MATCHES)


class _Listing:
    """Asks for the connections, again and again.

    Args:
        calls: the daemon.
        selected: which ones it is asked for.
        choice: which of these are shown.
        rates: compare the answers.
    """

    def __init__(
        self, calls: ControlCalls, selected: Selected, choice: Choice, rates: Rates
    ) -> None:
        self._calls = calls
        self._selected = selected
        self._choice = choice
        self._rates = rates

    def read(self) -> list[Listed]:
        """Ask once."""
        answer = self._calls.list_connections(self._selected)
        return self._choice.of(self._rates.update(answer, time.monotonic()))


def _watch(listing: _Listing, interval: float, *, as_json: bool) -> None:
    """Show them until Ctrl-C."""
    from pipetwist.errors import ServerError

    if on_terminal() and not as_json:
        _watch_table(listing, interval)
    _show(listing.read(), as_json=as_json, again=True)
    while True:
        time.sleep(interval)
        try:
            _show(listing.read(), as_json=as_json, again=True)
        except ServerError as error:
            click.echo(f"pipetwist: {error}", err=True)  # with --watch it may come back


def _watch_table(listing: _Listing, interval: float) -> None:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    from pipetwist.cli.connection_table import connections_table
    from pipetwist.cli.output import printable
    from pipetwist.errors import ServerError

    found, fault = listing.read(), ""
    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        while True:
            live.update(Group(connections_table(found), Text(fault, style="red")), refresh=True)
            time.sleep(interval)
            try:
                found, fault = listing.read(), ""
            except ServerError as error:
                fault = printable(str(error))


def _show(found: list[Listed], *, as_json: bool, again: bool) -> None:
    if as_json:
        print_json({"connections": [_json(one) for one in found]}, one_line=again)
    elif on_terminal():
        from pipetwist.cli.connection_table import connections_table
        from pipetwist.cli.tables import print_table

        print_table(connections_table(found))
    else:
        print_lines(_fields(one) for one in found)
        if again:
            click.echo()


def _fields(one: Listed) -> tuple[object, ...]:
    it = one.connection
    user = it.user or "-"
    return it.id, it.inbound, it.outbound, user, it.peer, f"{it.age:.3f}", it.uplink, it.downlink


def _json(one: Listed) -> dict[str, object]:
    it = one.connection
    return {
        "id": it.id,
        "inbound": it.inbound,
        "outbound": it.outbound,
        "user": it.user or None,
        "peer": it.peer,
        "age": round(it.age, 3),
        "uplink": it.uplink,
        "downlink": it.downlink,
        "uplink_rate": None if one.uplink_rate is None else round(one.uplink_rate),
        "downlink_rate": None if one.downlink_rate is None else round(one.downlink_rate),
        "pid": it.pid or None,
        "held_by": it.held_by or None,
    }
