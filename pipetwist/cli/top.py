"""``pipetwist top``."""

from __future__ import annotations

import os
import time
from contextlib import closing
from typing import TYPE_CHECKING

import click

from pipetwist.cli.completion import complete_pattern
from pipetwist.cli.durations import to_seconds
from pipetwist.cli.output import on_terminal
from pipetwist.cli.selecting import selected
from pipetwist.cli.server_options import ServerChoice, server_options

if TYPE_CHECKING:
    from pipetwist.cli.screen import Screen
    from pipetwist.cli.top_view import Sample, Sort
    from pipetwist.client.calls import StatsCalls
    from pipetwist.client.counters import Selection

__all__ = ["top"]


@click.command(short_help="Show live rates and totals and who is online.")
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1, shell_complete=complete_pattern)
@click.option(
    "--regexp",
    "-e",
    is_flag=True,
    help="The patterns are regular expressions (RE2) that match anywhere in a name.",
)
@click.option(
    "--interval",
    "-n",
    metavar="DURATION",
    callback=to_seconds,
    default="1s",
    show_default=True,
    help="How often to ask.",
)
@click.option(
    "--sort",
    metavar="BY",
    type=click.Choice(["rate", "total", "name"]),
    default="rate",
    show_default=True,
    help="How to sort inbounds, outbounds and users: rate, total or name.",
)
@server_options
def top(
    patterns: tuple[str, ...], regexp: bool, interval: float, sort: Sort, server: ServerChoice
) -> None:
    """Show rates, totals and who is online, live, for the counters whose names contain any PATTERN.

    q ends it, and s sorts by something else. Nothing is reset.
    """
    from pipetwist.client.calls import StatsCalls

    selection = selected(patterns, regexp=regexp)
    if not on_terminal() or os.environ.get("TERM", "dumb") in {"dumb", "unknown"}:
        message = "top needs a full-screen terminal; without one, use pipetwist stats --watch"
        raise click.UsageError(message)
    asked = server()
    with closing(StatsCalls(asked)) as calls:
        # Errors here are printed before the whole screen is used.
        sample = _ask(calls, selection, with_online=True)
        from pipetwist.cli.screen import whole_screen

        with whole_screen() as screen:
            _Top(str(asked.address), calls, selection, screen, sort, sample).run(interval)


class _Top:
    """The view on the screen, drawn again whenever something has changed.

    Args:
        server: the server's address.
        calls: the server.
        selection: the counters to show.
        screen: where.
        sort: what comes first.
        sample: the first one.
    """

    def __init__(
        self,
        server: str,
        calls: StatsCalls,
        selection: Selection,
        screen: Screen,
        sort: Sort,
        sample: Sample,
    ) -> None:
        self._server = server
        self._calls = calls
        self._selection = selection
        self._screen = screen
        self._sort = sort
        self._samples: tuple[Sample | None, Sample] = (None, sample)
        self._fault = ""

    def run(self, interval: float) -> None:
        """Ask and draw until the key q is pressed.

        Args:
            interval: seconds between two calls.
        """
        self._draw()
        while self._keys_until(time.monotonic() + interval):
            self._ask()
            self._draw()

    def _keys_until(self, end: float) -> bool:
        """Handle keys until this time; False if one of them ends the view."""
        from pipetwist.cli.top_view import SORTS

        while (left := end - time.monotonic()) > 0:
            key = self._screen.wait(left)
            if key in {"q", "Q"}:
                return False
            if key == "s":
                self._sort = SORTS[(SORTS.index(self._sort) + 1) % len(SORTS)]
                self._draw()
        return True

    def _ask(self) -> None:
        from pipetwist.errors import ServerError

        last = self._samples[1]
        try:
            sample = _ask(self._calls, self._selection, with_online=last.online is not None)
        except ServerError as error:
            self._fault = str(error)
        else:
            self._samples = (last, sample)
            self._fault = ""

    def _draw(self) -> None:
        from pipetwist.cli.top_view import top_view

        earlier, later = self._samples
        self._screen.draw(
            top_view(
                self._server,
                earlier,
                later,
                sort=self._sort,
                fault=self._fault,
                width=self._screen.width,
                height=self._screen.height,
            )
        )


def _ask(calls: StatsCalls, selection: Selection, *, with_online: bool) -> Sample:
    from pipetwist.cli.top_view import Sample
    from pipetwist.cli.traffic import Reading
    from pipetwist.client.calls import UnsupportedError
    from pipetwist.client.counters import read_counters
    from pipetwist.client.online import read_online

    reading = Reading(time.monotonic(), read_counters(calls, selection))
    try:
        online = read_online(calls) if with_online else None
    except UnsupportedError:
        online = None
    return Sample(reading, online, calls.get_sys_stats().Uptime)
