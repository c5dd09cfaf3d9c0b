"""The selection of counters by patterns on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipetwist.client.counters import Selection

__all__ = ["selected"]


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
