"""The options of commands that ask again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from pipetwist.cli.durations import to_seconds

__all__ = ["interval_option", "watch_option"]

_Command = TypeVar("_Command", bound=Callable[..., object])


def watch_option(command: _Command) -> _Command:
    """Give a command the option ``watch``."""
    return click.option(
        "--watch",
        "-w",
        is_flag=True,
        help="Repeat until Ctrl-C. With --json each answer is a line.",
    )(command)


def interval_option(default: str, said: str) -> Callable[[_Command], _Command]:
    """Give a command the option ``interval``, in seconds.

    Args:
        default: how long it is by itself.
        said: what it is for.
    """
    return click.option(
        "--interval",
        "-n",
        metavar="DURATION",
        callback=to_seconds,
        default=default,
        show_default=True,
        help=said,
    )
