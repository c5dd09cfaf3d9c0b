"""``pipetwist run``."""

from __future__ import annotations

import os
import sys

import click

__all__ = ["command", "run"]

# Not `python -m`, and not with the current folder in the path: others may write there.
_PROGRAM = (
    "import sys; sys.path[:] = [folder for folder in sys.path if folder]; "
    "sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
)


@click.command(short_help="Run the daemon in the foreground.")
@click.option(
    "--config",
    "-c",
    metavar="FILE",
    required=True,
    type=click.Path(),
    help="The configuration.",
)
def run(config: str) -> None:
    """Run the daemon on a configuration in the foreground, until Ctrl-C or SIGTERM.

    It is the process that this command was, and it logs to standard output. It is short for twistd
    --nodaemon --pidfile= pipetwist --config FILE; twistd has more options, such as one for the log.
    """
    os.getcwd()  # noqa: PTH109 - nothing but whether it is there, which twistd takes for granted
    sys.stdout.flush()
    program = command(config)
    os.execv(program[0], program)  # noqa: S606 - it is our own program, and no shell is asked for


def command(config: str) -> list[str]:
    """The command that runs the daemon, with this command's Python and packages.

    Args:
        config: the configuration's file.
    """
    return [
        sys.executable,
        "-c",
        _PROGRAM,
        "--nodaemon",
        "--pidfile=",
        "pipetwist",
        "--config",
        config,
    ]
