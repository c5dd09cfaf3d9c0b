"""``pipetwist sys``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Final

import click

from pipetwist.cli.output import on_terminal, print_json, print_lines
from pipetwist.cli.quantities import duration_text, size_text
from pipetwist.cli.server_options import ServerChoice, server_options

__all__ = ["system"]


def _milliseconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.1f} ms"


_FIGURES: Final[dict[str, tuple[str, Callable[[int], str]]]] = {
    "Uptime": ("up for", duration_text),
    "Alloc": ("memory in use", size_text),
    "Sys": ("memory from the system", size_text),
    "TotalAlloc": ("memory allocated so far", size_text),
    "LiveObjects": ("objects alive", str),
    "Mallocs": ("objects allocated so far", str),
    "Frees": ("objects freed so far", str),
    "NumGoroutine": ("goroutines or threads", str),
    "NumGC": ("garbage collections", str),
    "PauseTotalNs": ("time taken by them", _milliseconds),
}


@click.command("sys", short_help="Show how long a server has been up and its memory.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: one object with the fields of V2Ray's SysStatsResponse.",
)
@server_options
def system(as_json: bool, server: ServerChoice) -> None:
    """Show how long the server has been up, and its memory.

    Elsewhere than on a terminal each field of V2Ray's SysStatsResponse is a line with its name, a
    TAB and its value.
    """
    from pipetwist.client.calls import StatsCalls

    with closing(StatsCalls(server())) as calls:
        answer = calls.get_sys_stats()
    figures = {field.name: getattr(answer, field.name) for field in answer.DESCRIPTOR.fields}
    if as_json:
        print_json(figures)
    elif on_terminal():
        from pipetwist.cli.tables import pairs_table, print_table

        # 0 if the server does not know it.
        print_table(
            pairs_table(
                {
                    words: text(figures[field])
                    for field, (words, text) in _FIGURES.items()
                    if figures[field]
                }
            )
        )
    else:
        print_lines(figures.items())
