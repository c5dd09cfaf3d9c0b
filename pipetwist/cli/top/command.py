"""``pipetwist top``."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import click

from pipetwist.cli.output import on_terminal
from pipetwist.cli.repeating import interval_option
from pipetwist.cli.selecting import pattern_options, selected
from pipetwist.cli.server_options import ControlChoice, ServerChoice, top_options

if TYPE_CHECKING:
    from pipetwist.cli.top.asking import Sample, Source
    from pipetwist.cli.top.screen import Screen

__all__ = ["top"]

_LONG = 3600.0  # seconds; the thread that asks wakes it before


@click.command(short_help="Show live rates, totals, limits and who is online.")
@pattern_options
@interval_option("1s", "How often to ask.")
@click.option(
    "--sort",
    metavar="BY",
    type=click.Choice(["rate", "total", "name"]),
    default="rate",
    show_default=True,
    help="How to sort inbounds, outbounds and users: rate, total or name.",
)
@top_options
def top(
    patterns: tuple[str, ...],
    regexp: bool,
    interval: float,
    sort: str,
    server: ServerChoice,
    control: ControlChoice,
) -> None:
    """Show rates, totals and who is online, live, for the counters whose names contain any PATTERN.

    ? shows its keys, and q ends it. Nothing is reset. Limits, quotas, failures and open connections
    are shown as well where the control service of a pipetwist is named.
    """
    selection = selected(patterns, regexp=regexp)
    if not on_terminal() or os.environ.get("TERM", "dumb") in {"dumb", "unknown"}:
        message = "top needs a full-screen terminal; without one, use pipetwist stats --watch"
        raise click.UsageError(message)
    asked, asked_control = server(), control()
    from pipetwist.cli.top.asking import Source, Wanted
    from pipetwist.client.calls import StatsCalls
    from pipetwist.client.control import ControlCalls

    with ExitStack() as open_calls:
        calls = open_calls.enter_context(closing(StatsCalls(asked)))
        controls = None
        if asked_control is not None:
            controls = open_calls.enter_context(closing(ControlCalls(asked_control)))
        source = Source(calls, controls, selection)
        # Errors here are printed before the whole screen is used.
        sample = source.ask(Wanted())
        from pipetwist.cli.top.screen import whole_screen

        with whole_screen() as screen:
            _run(str(asked.address), patterns, source, sample, screen, interval, sort)


def _run(
    server: str,
    patterns: tuple[str, ...],
    source: Source,
    sample: Sample,
    screen: Screen,
    interval: float,
    sort: str,
) -> None:
    """Draw whenever something has changed, until a key ends it."""
    from pipetwist.cli.top.asking import Asker, Snapshot
    from pipetwist.cli.top.state import TopState
    from pipetwist.cli.top.view import listing_of, top_view

    state = TopState(sort)
    first = Snapshot(None, sample, source.has_control)

    def sort_rows(snapshot: Snapshot) -> None:
        listing_of(snapshot, state, patterns)

    with closing(Asker(source.ask, first, interval, screen.wake, sort_rows)) as asker:
        goes_on = True
        while goes_on:
            width, height = screen.size
            frame = top_view(
                server,
                asker.snapshot,
                state,
                patterns=patterns,
                width=width,
                height=height,
            )
            screen.draw(frame.lines)
            asker.want(frame.wanted)
            goes_on = all(map(state.press, screen.wait(_LONG)))
