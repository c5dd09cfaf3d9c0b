"""The selection of counters by patterns on the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from pipetwist.cli.completion import complete_pattern
from pipetwist.values import quote

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipetwist.client.counters import Selection

__all__ = ["pattern_options", "selected", "tell_idle"]


def pattern_options(command: Callable[..., object]) -> Callable[..., object]:
    """Give a command the arguments ``patterns`` and the option ``regexp``."""
    regexp = click.option(
        "--regexp",
        "-e",
        is_flag=True,
        help="The patterns are regular expressions (RE2) that match anywhere in a name.",
    )
    argument = click.argument(
        "patterns", metavar="[PATTERN]...", nargs=-1, shell_complete=complete_pattern
    )
    return argument(regexp(command))


def selected(patterns: tuple[str, ...], *, regexp: bool) -> Selection:
    """Make a selection of the arguments.

    Raises:
        click.BadParameter: a pattern is not a regular expression.
    """
    from pipetwist.client.counters import BadPatternError, Selection

    try:
        return Selection(patterns, regexp=regexp)
    except BadPatternError as error:
        raise click.BadParameter(str(error), param_hint="PATTERN") from error


def tell_idle(selection: Selection, names: Collection[str], *, reset: bool) -> None:
    """Say on standard error which patterns match nothing, and what to write where nothing is
    counted. If there are patterns and none of them matches, end with the status of grep, 1.

    Args:
        selection: what was asked for.
        names: the names of the counters that were found.
        reset: whether they were to be reset.
    """
    for pattern in selection.idle(names):
        nothing = ", and nothing was reset" if reset and not names else ""
        click.echo(
            f"pipetwist: no counter matches {quote(pattern)}{nothing}{_hint(pattern, selection)}",
            err=True,
        )
    if names:
        return
    if selection.patterns:
        click.get_current_context().exit(1)
    click.echo(
        "pipetwist: nothing is counted: what is to be is listed in experimental.v2ray_api.stats of "
        "pipetwist and sing-box, and in stats and policy of V2Ray and Xray",
        err=True,
    )


def _hint(pattern: str, selection: Selection) -> str:
    if selection.regexp or not any(sign in pattern for sign in "*^$?["):
        return ""
    return (
        "; without --regexp a pattern is a text in which signs like * stand for themselves, so "
        "that user>>> alone selects all users"
    )
