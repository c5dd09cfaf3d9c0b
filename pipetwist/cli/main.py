"""The command ``pipetwist``. Each of its commands has a file of its own, which imports large
modules only when it runs.

Exit statuses: 0, 1 for a problem, 2 for wrong arguments, 130 after Ctrl-C; of the commands for
connections those of grep, 1 if nothing matches and 2 for a problem, and of status alike.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from pipetwist import __version__
from pipetwist.cli.certificates import certificates
from pipetwist.cli.check import check
from pipetwist.cli.close import close
from pipetwist.cli.completion import completion
from pipetwist.cli.connections import connections
from pipetwist.cli.forget import forget
from pipetwist.cli.init import init
from pipetwist.cli.online import online
from pipetwist.cli.plugins import plugins
from pipetwist.cli.quota import quota, quota_reset
from pipetwist.cli.run import run
from pipetwist.cli.schema import schema
from pipetwist.cli.stats import stats
from pipetwist.cli.status import status
from pipetwist.cli.system import system
from pipetwist.cli.systemd import systemd
from pipetwist.cli.top.command import top
from pipetwist.errors import ConfigError, ServerError, StartError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["main"]

_INTERRUPTED = 130
_NOT_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_NO_FOLDER = "the current folder was removed; go to another"
_LIKE_GREP = {"connections", "close", "quota", "status"}
_TWO_WORDS = {("stats", "forget"), ("init", "certificates"), ("quota", "reset")}


class _Commands(click.Group):
    """Prints errors in one line, and sets the exit status. Some commands are two words."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command by its name."""
        if tuple(args[:2]) in _TWO_WORDS:
            args = [" ".join(args[:2]), *args[2:]]
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the first word."""
        return [item for item in super().shell_complete(ctx, incomplete) if " " not in item.value]

    def main(self, *args: Any, **kwargs: Any) -> Any:  # as click has them
        """Run the program. click handles a closed pipe; a full disk is reported here."""
        _replace_closed()
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.errno not in _NOT_WRITTEN:
                raise
            click.echo(f"pipetwist: the output can't be written: {error.strerror}", err=True)
            # Python tries once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            click.echo(error, err=True)  # each line has the file's name
        except (ServerError, StartError) as error:  # a StoreError is the latter
            click.echo(f"pipetwist: {error}", err=True)
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)
        except FileNotFoundError:
            if _has_folder():
                raise
            click.echo(f"pipetwist: {_NO_FOLDER}", err=True)
        return ctx.exit(2 if ctx.invoked_subcommand in _LIKE_GREP else 1)


def _replace_closed() -> None:
    """Have an output that was closed (``>&-``) lead nowhere: Python has None in its place, and the
    first socket would be standard output.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 - as long as it runs


def _has_folder() -> bool:
    """Whether the current folder is there."""
    try:
        os.getcwd()  # noqa: PTH109 - the same call as Path's
    except FileNotFoundError:
        return False
    return True


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pipetwist", message="%(prog)s %(version)s")
def main() -> None:
    """Look after configurations of pipetwist, run it, and ask what runs."""


for _command in (
    init,
    certificates,
    check,
    run,
    schema,
    plugins,
    stats,
    forget,
    system,
    online,
    status,
    connections,
    close,
    quota,
    quota_reset,
    top,
    systemd,
    completion,
):
    main.add_command(_command)
