"""``pipetwist completion``, and what completes the names of counters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click.shell_completion import ShellComplete

__all__ = ["complete_pattern", "completion"]

_VARIABLE = "_PIPETWIST_COMPLETE"
_SECONDS = 0.5  # how long a user who has pressed TAB may wait
# No shell reads these characters as its own. The names of counters have > in them, so their parts
# are offered.
_HARMLESS = re.compile(r"[\w@%+:.,-]+")


_HELP = """Print the completion script for SHELL (bash, zsh or fish).

\b
bash  pipetwist completion bash > ~/.local/share/bash-completion/completions/pipetwist
zsh   pipetwist completion zsh > DIRECTORY/_pipetwist  (a directory of fpath)
fish  pipetwist completion fish > ~/.config/fish/completions/pipetwist.fish
"""


@click.command(short_help="Print a shell completion script for this command.", help=_HELP)
@click.argument("shell", metavar="SHELL", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """See the help."""
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    kinds: dict[str, type[ShellComplete]] = {
        "bash": BashComplete,
        "zsh": ZshComplete,
        "fish": FishComplete,
    }
    made = kinds[shell](click.get_current_context().find_root().command, {}, "pipetwist", _VARIABLE)
    click.echo(made.source_template % made.source_vars())


def complete_pattern(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """The tags and user names that the server counts, for a shell. None if there is no quick
    answer.
    """
    given = context.params.get(parameter.name or "") or ()
    try:
        parts = {part for part in _parts(context) if part.startswith(incomplete)}
    except Exception:  # noqa: BLE001 - a shell that completes can't show what is wrong
        parts = set()
    if context.info_name == "stats" and not given and "forget".startswith(incomplete):
        parts.add("forget")  # the second word of a command
    return sorted(parts.difference(given))


def _parts(context: click.Context) -> Iterable[str]:
    from dataclasses import replace

    from pipetwist.cli.server_options import chosen_server
    from pipetwist.client.calls import StatsCalls
    from pipetwist.client.counters import Selection, read_counters

    calls = StatsCalls(replace(chosen_server(context, context.params), timeout=_SECONDS))
    try:
        names = read_counters(calls, Selection())
    finally:
        calls.close()
    return [part for name in names for part in name.split(">>>")[1:2] if _HARMLESS.fullmatch(part)]
