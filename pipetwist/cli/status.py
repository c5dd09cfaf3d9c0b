"""``pipetwist status``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import click

from pipetwist.cli.output import on_terminal, print_json, print_lines, printable
from pipetwist.cli.quantities import duration_text
from pipetwist.cli.server_options import ServerChoice, control_options

if TYPE_CHECKING:
    from pipetwist.control.wire.control_pb2 import GetStatusResponse

__all__ = ["status"]

_NOT_WELL = 1


@click.command(short_help="Show how a daemon is doing.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: what is not known is null, times are seconds since 1970.",
)
@control_options
def status(as_json: bool, server: ServerChoice) -> None:
    """Show how a daemon is doing: since when it is up, what listens, which connections failed,
    which limits were hit, and what came of the last reload.

    Elsewhere than on a terminal each is a line of fields, separated by TABs. The exit status is 0
    if everything listens and the last reload was applied, 1 if not, and 2 after an error.
    """
    from pipetwist.client.control import ControlCalls

    with closing(ControlCalls(server())) as calls:
        answer = calls.get_status()
    if as_json:
        print_json(_json(answer))
    elif on_terminal():
        _print_table(answer)
    else:
        print_lines(_lines(answer))
    if answer.reload.problem or not all(one.is_listening for one in answer.listeners):
        click.get_current_context().exit(_NOT_WELL)


def _lines(it: GetStatusResponse) -> Iterator[tuple[object, ...]]:
    yield "version", it.version
    yield "started", f"{it.started:.3f}"
    yield "uptime", f"{it.uptime:.3f}"
    yield "open", it.open
    yield "connections", it.connections
    for one in it.listeners:
        yield "listener", one.name, one.address or "-", _state(is_listening=one.is_listening)
    for failed in it.failures:
        ends = failed.inbound, failed.outbound or "-"
        last = f"{failed.last:.3f}", failed.reason or "-"
        yield "failed", *ends, failed.cause, failed.count, *last
    for refused in it.refused:
        yield "refused", refused.limit, refused.count
    for held in it.held:
        yield "held", held.entity, held.name, held.direction, f"{held.seconds:.3f}"
    if it.HasField("reload"):
        yield "reload", f"{it.reload.time:.3f}", it.reload.problem or "applied"


def _state(*, is_listening: bool) -> str:
    return "listens" if is_listening else "does not listen"


def _print_table(it: GetStatusResponse) -> None:
    from rich.table import Table
    from rich.text import Text

    from pipetwist.cli.tables import print_table

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    before = ""
    for name, text, is_well in _rows(it):
        shown = Text(printable(text), style="" if is_well else "red")
        table.add_row("" if name == before else name, shown)
        before = name
    print_table(table)


def _rows(it: GetStatusResponse) -> Iterator[tuple[str, str, bool]]:
    """What stands in a row, and whether it is well."""
    yield "version", it.version, True
    up = duration_text(int(it.uptime))
    yield "up since", f"{_moment(it.started)}, for {up}", True
    yield "connections", f"{it.open} open, {it.connections} so far", True
    for one in it.listeners:
        where = f" on {one.address}" if one.address else ""
        named = "listens" if one.is_listening else "not yet"
        yield named, f"{one.name}{where}", one.is_listening
    for failed in it.failures:
        way = f"{failed.inbound} to {failed.outbound}" if failed.outbound else failed.inbound
        ago = duration_text(max(0, int(it.started + it.uptime - failed.last)))
        why = f": {failed.reason}" if failed.reason else ""
        yield "failed", f"{failed.count} of {way}: {failed.cause}, the last {ago} ago{why}", True
    for refused in it.refused:
        times = "once" if refused.count == 1 else f"{refused.count} times"
        yield "limits hit", f"{refused.limit}, {times}", True
    for held in it.held:
        text = f"{held.entity} {held.name}, {held.direction}: {held.seconds:.1f} s"
        yield "limits hit", text, True
    if not it.HasField("reload"):
        yield "last reload", "none", True
        return
    when = _moment(it.reload.time)
    if not it.reload.problem:
        yield "last reload", f"{when}, applied", True
        return
    yield "last reload", f"{when}, failed; the old configuration is in use", False
    for line in it.reload.problem.splitlines():
        yield "last reload", line, False


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _json(it: GetStatusResponse) -> dict[str, object]:
    reload = it.reload
    return {
        "version": it.version,
        "started": round(it.started, 3),
        "uptime": round(it.uptime, 3),
        "open": it.open,
        "connections": it.connections,
        "listeners": [
            {
                "name": one.name,
                "address": one.address or None,
                "is_listening": one.is_listening,
            }
            for one in it.listeners
        ],
        "failures": [
            {
                "inbound": one.inbound,
                "outbound": one.outbound or None,
                "cause": one.cause,
                "count": one.count,
                "last": round(one.last, 3),
                "reason": one.reason or None,
            }
            for one in it.failures
        ],
        "refused": {one.limit: one.count for one in it.refused},
        "held": [
            {
                "entity": one.entity,
                "name": one.name,
                "direction": one.direction,
                "seconds": round(one.seconds, 3),
            }
            for one in it.held
        ],
        "reload": (
            {"time": round(reload.time, 3), "problem": reload.problem or None}
            if it.HasField("reload")
            else None
        ),
    }
