"""The options that choose connections. They are the same for listing and closing them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import click

from pipetwist.cli.durations import to_seconds

__all__ = ["complete_ids", "complete_listed", "selection_options"]

_SECONDS = 0.5  # how long a user who has pressed TAB may wait
_HARMLESS = re.compile(r"[\w@%+:.,-]+")  # which no shell reads as its own
_NAMES = ("user", "inbound", "outbound", "older")


def selection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add these options to a command, and pass it the argument ``selected``, a
    `pipetwist.client.control.Selected`.
    """

    @functools.wraps(command)
    def with_selected(**given: Any) -> None:  # Any: each option has a type of its own
        from pipetwist.client.control import Selected

        user, inbound, outbound, older = (given.pop(name) for name in _NAMES)
        selected = Selected(
            users=user, inbounds=inbound, outbounds=outbound, older_than=older or 0.0
        )
        command(selected=selected, **given)

    return functools.reduce(
        lambda decorated, option: option(decorated), reversed(_OPTIONS), with_selected
    )


def complete_listed(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """The tags and users that open connections have, for a shell. None if there is no quick answer.

    For an option only what it takes; for a word of a filter all of them.
    """
    asked = parameter.name if parameter.name in _NAMES else None
    return _complete(
        context,
        incomplete,
        lambda one: (
            [getattr(one, asked)] if asked is not None else [one.user, one.inbound, one.outbound]
        ),
    )


def complete_ids(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The ids of open connections, for a shell. None if there is no quick answer."""
    return _complete(context, incomplete, lambda one: [one.id])


def _complete(
    context: click.Context,
    incomplete: str,
    texts: Callable[[Any], list[str]],  # Any: an OpenConnection, which is loaded late
) -> list[str]:
    try:
        found = {text for one in _listed(context) for text in texts(one)}
    except Exception:  # noqa: BLE001 - a shell that completes can't show what is wrong
        return []
    return sorted(
        text for text in found if text.startswith(incomplete) and _HARMLESS.fullmatch(text)
    )


def _listed(context: click.Context) -> list[Any]:  # as above
    from contextlib import closing
    from dataclasses import replace

    from pipetwist.cli.server_options import chosen_control
    from pipetwist.client.control import ControlCalls, Selected

    server = replace(chosen_control(context, context.params), timeout=_SECONDS)
    with closing(ControlCalls(server)) as calls:
        return [*calls.list_connections(Selected())]


def _to_age(context: click.Context, parameter: click.Parameter, written: str | None) -> float:
    return 0.0 if written is None else to_seconds(context, parameter, written)


_OPTIONS = (
    click.option(
        "--user",
        metavar="NAME",
        multiple=True,
        shell_complete=complete_listed,
        help="Only this user's; may be given again.",
    ),
    click.option(
        "--inbound",
        metavar="TAG",
        multiple=True,
        shell_complete=complete_listed,
        help="Only those of this inbound; may be given again.",
    ),
    click.option(
        "--outbound",
        metavar="TAG",
        multiple=True,
        shell_complete=complete_listed,
        help="Only those of this outbound; may be given again.",
    ),
    click.option(
        "--older",
        metavar="DURATION",
        callback=_to_age,
        help="Only those that have been open for this time.",
    ),
)
