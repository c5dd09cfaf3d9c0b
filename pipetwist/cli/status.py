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
_RATES = {"up_mbps", "down_mbps"}  # of which it is told how long they held bytes back


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
    for hit in it.hits:
        yield "hit", hit.whose, hit.limit, hit.count, f"{hit.last:.3f}"
    for held in it.held:
        yield "held", held.entity, held.name, held.direction, f"{held.seconds:.3f}"
    if it.HasField("reload"):
        yield "reload", f"{it.reload.time:.3f}", it.reload.problem or "applied"


def _state(*, is_listening: bool) -> str:
    return "listens" if is_listening else "does not listen"


def _print_table(it: GetStatusResponse) -> None:
    from rich.text import Text

    from pipetwist.cli.tables import Facts, print_table

    facts = Facts()
    for name, text, is_well in _rows(it):
        facts.add(name, Text(printable(text), style="" if is_well else "red"))
    print_table(facts)


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
        why = f": {failed.reason}" if failed.reason else ""
        last = f"{_ago(it, failed.last)}{why}"
        yield "failed", f"{failed.count} of {way}: {failed.cause}, {last}", True
    for hit in it.hits:
        if hit.limit not in _RATES:
            times = "once" if hit.count == 1 else f"{hit.count} times"
            yield "limits hit", f"{hit.limit} of {hit.whose}, {times}, {_ago(it, hit.last)}", True
    for held in it.held:
        limit = f"{held.direction}_mbps of {held.entity} {held.name}"
        yield "limits hit", f"{limit}, for {held.seconds:.1f} s", True
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


def _ago(it: GetStatusResponse, last: float) -> str:
    ago = duration_text(max(0, int(it.started + it.uptime - last)))
    return f"the last {ago} ago"


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
        "hits": [
            {
                "whose": one.whose,
                "limit": one.limit,
                "count": one.count,
                "last": round(one.last, 3),
            }
            for one in it.hits
        ],
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
