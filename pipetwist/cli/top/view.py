"""Makes the screen of ``pipetwist top`` from the server's answers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rich.text import Text

from pipetwist.cli.output import printable
from pipetwist.cli.quantities import count_text, duration_text, rate_text
from pipetwist.cli.top.asking import Snapshot, Wanted
from pipetwist.cli.top.connections import connections_listing
from pipetwist.cli.top.failures import failures_listing
from pipetwist.cli.top.help import help_lines
from pipetwist.cli.top.limits import limits_listing
from pipetwist.cli.top.listing import Listing, table_lines
from pipetwist.cli.top.state import VIEWS, TopState
from pipetwist.cli.top.traffic import traffic_listing
from pipetwist.cli.traffic import Row
from pipetwist.client.online import source_count

__all__ = ["Frame", "listing_of", "top_view"]

_APART = "   "
_LINES_OF_BLANKS = 16  # lower screens have none
_LINES_OF_HEADLINE = 8  # one line of it for so many lines
_LINES_OF_FAULT = 6


class Frame(NamedTuple):
    """A screen.

    Attributes:
        lines: its lines.
        wanted: what is shown, and has to be asked for.
    """

    lines: list[Text]
    wanted: Wanted


def top_view(
    server: str,
    snapshot: Snapshot,
    state: TopState,
    *,
    patterns: tuple[str, ...] = (),
    width: int,
    height: int,
) -> Frame:
    """Make the screen, and tell the state how many rows there are.

    Args:
        server: where the server is.
        snapshot: what is known.
        state: what is shown of it.
        patterns: what was asked for.
        width: how many columns of characters there are; if they are too few for all figures, some
            are left out, and names are cut last.
        height: how many lines there are.
    """
    most = max(1, min(3, height // _LINES_OF_HEADLINE))
    head = [Text(line, style="bold") for line in _filled(_headline(server, snapshot), width, most)]
    foot = _faults(snapshot, width, max(1, height // _LINES_OF_FAULT))
    blank = [Text()] if height >= _LINES_OF_BLANKS else []
    if height > 5:
        head += [_tabs(state, width), *blank]
    room = max(1, height - len(head) - len(foot) - 1 - len(blank))
    if state.in_help:
        body = help_lines(width, has_control=snapshot.has_control)
        first = state.drawn(len(body), room)
        body, count, wanted = body[first : first + room], len(body), Wanted()
    else:
        listing = listing_of(snapshot, state, patterns)
        room = max(1, room - 1)  # below the headings
        count = len(listing.items)
        first = state.drawn(count, room)
        body = list(
            table_lines(listing, first, room, width)
            if count
            else _wrapped(_nothing(listing, state), width, "dim")
        )
        wanted = _wanted(state, listing.items[first : first + room])
    above = height - len(head) - len(body) - len(foot) - 1
    body += [Text()] * above
    hint = _hint(state, first, room, count, width)
    lines = [*head, *body, *foot, hint][:height]
    for line in lines:
        line.truncate(width)
    return Frame(lines, wanted)


def listing_of(snapshot: Snapshot, state: TopState, patterns: tuple[str, ...]) -> Listing:
    """The rows of a view, sorted. They are made once; from any thread.

    Args:
        snapshot: what is known.
        state: what is shown of it.
        patterns: what was asked for.
    """
    view, sort, words = key = (state.view, state.sort, state.words)
    found = snapshot.listings.get(key)
    if found is None:
        if view == "limits":
            found = limits_listing(snapshot, sort, words)
        elif view == "failures":
            found = failures_listing(snapshot, sort, words)
        elif view == "connections":
            found = connections_listing(snapshot, sort, words)
        else:
            found = traffic_listing(snapshot, sort, words, patterns)
        snapshot.listings[key] = found
    return found


def _nothing(listing: Listing, state: TopState) -> str:
    if state.words:
        return f'Nothing here has "{printable(state.filter)}"; Esc takes the filter away.'
    return printable(listing.nothing)


def _wanted(state: TopState, shown: Iterable[object]) -> Wanted:
    users = frozenset(one.name for one in shown if isinstance(one, Row) and one.entity == "user")
    return Wanted(users, state.view == "limits", state.view == "connections")


def _headline(server: str, snapshot: Snapshot) -> Iterator[str]:
    sample, growth = snapshot.later, snapshot.growth
    yield printable(server)
    yield f"up {duration_text(sample.uptime)}"
    inbounds = [row for row in sample.rows if row.entity == "inbound"]
    if inbounds and growth is not None:
        uplink = sum(growth.get(row.uplink, 0.0) for row in inbounds)
        downlink = sum(growth.get(row.downlink, 0.0) for row in inbounds)
        yield f"uplink {rate_text(uplink)}, downlink {rate_text(downlink)}"
    if sample.online is not None:
        sources = sum(map(source_count, sample.online.values()))
        users = count_text(len(sample.online), "user")
        yield f"{users} online from {count_text(sources, 'source')}"
    if sample.known is not None:
        status = sample.known.status
        failed = sum(one.count for one in status.failures)
        yield f"{status.open} open, {failed} failed"


def _filled(parts: Iterable[str], width: int, most: int) -> list[str]:
    """Lines of as many parts as there is room for; what no line is left for is left out."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(_APART) + len(part) <= width:
            lines[-1] += _APART + part
        elif len(lines) < most:
            lines.append(part)
    return lines


def _tabs(state: TopState, width: int) -> Text:
    names = [f"{number} {view}" for number, view in enumerate(VIEWS, 1)]
    chosen = VIEWS.index(state.view)
    if state.in_help:
        return Text("keys", style="bold reverse")
    if sum(map(len, names)) + 2 * len(names) + 2 > width:
        return Text(f"[{names[chosen]}]", style="bold").append(
            f" of {len(VIEWS)}", style="not bold"
        )
    line = Text()
    for number, name in enumerate(names):
        # Brackets, since a terminal may have no colours.
        line.append(
            f"[{name}]" if number == chosen else f" {name} ", "bold" if number == chosen else "dim"
        )
    return line


def _faults(snapshot: Snapshot, width: int, most: int) -> list[Text]:
    """Why there is no newer answer, in full or cut after these lines."""
    if not snapshot.fault:
        return []
    lines = _wrapped(printable(snapshot.fault), width, "red")
    if len(lines) > most:
        last = lines[most - 1]
        last.truncate(max(0, width - 3))
        lines = [*lines[: most - 1], last.append("...")]
    return lines


def _hint(state: TopState, first: int, room: int, count: int, width: int) -> Text:
    """The last line: the filter, which rows are shown, and keys, as far as there is room."""
    parts = []
    if state.is_typing or state.filter:
        cursor = "_" if state.is_typing else ""
        parts.append(f"/{printable(state.filter)}{cursor}")
    if state.is_typing:
        parts += ["Enter keeps it", "Esc takes it away"]
    elif state.in_help:
        parts += ["? goes back", "q goes back"]
    else:
        parts += ["q quits", "? helps"]
    if count > room:
        parts.append(f"{first + 1} to {min(first + room, count)} of {count}")
    if not state.is_typing and not state.in_help:
        parts += [f"s sorts by {state.next_sort} (now by {state.sort})", "/ filters"]
    lines = _filled(parts, width, 1)
    return Text(lines[0] if lines else "", style="" if state.is_typing else "dim")


def _wrapped(text: str, width: int, style: str) -> list[Text]:
    return [Text(line, style=style) for line in textwrap.wrap(text, max(1, width))]
