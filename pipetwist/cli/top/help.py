"""What ``pipetwist top`` says of its keys."""

from __future__ import annotations

import textwrap

from rich.text import Text

from pipetwist.cli.top.limits import NO_CONTROL

__all__ = ["help_lines"]

_KEYS = (
    ("q", "quits"),
    ("?", "shows this, and takes it away"),
    ("Tab, 1 to 4", "another view: traffic, limits, failures, connections; Left and Right too"),
    ("s", "sorts by something else"),
    ("/", "filters: rows that have every word that is typed, in any case"),
    ("Enter", "keeps the filter"),
    ("Esc", "takes it away"),
    ("Up, Down", "scroll by a row"),
    ("Page Up, Page Down", "scroll by a screen"),
    ("Home, End", "the first rows, the last ones"),
    ("Ctrl-Z", "stops it, until fg"),
)
_MEANINGS = (
    (
        "Uplink is what comes from clients, downlink what goes to them. A rate is the growth of a "
        "counter between two answers. Nothing is reset."
    ),
    (
        '"held up 20%" says that bytes from clients waited for a limit for 20% of the time between '
        'two answers, "2 refused" how many connections a limit has refused in that time, and '
        '"refused" that none is admitted now.'
    ),
    "Limits, quotas, failures and connections need control.",
)


def help_lines(width: int, *, has_control: bool) -> list[Text]:
    """All of it, in lines of this width.

    Args:
        width: how many columns of characters there are.
        has_control: whether there is a control service.
    """
    widest = max(len(keys) for keys, _ in _KEYS)
    indent = widest + 2 if width >= 2 * widest + 8 else 2
    lines: list[Text] = []
    for keys, text in _KEYS:
        first, *others = textwrap.wrap(text, max(1, width - indent))
        if indent > len(keys):
            lines.append(Text(keys.ljust(indent), style="bold").append(first, style="not bold"))
        else:
            lines.append(Text(keys, style="bold"))
            others = [first, *others]
        lines += [Text(" " * indent + other) for other in others]
    for text in (*_MEANINGS, *(() if has_control else (NO_CONTROL,))):
        lines.append(Text())
        lines += map(Text, textwrap.wrap(text, max(1, width)))
    return lines
