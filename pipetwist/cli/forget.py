"""``pipetwist stats forget``."""

from __future__ import annotations

from collections.abc import Iterable

import click

from pipetwist.cli.output import on_terminal, print_lines
from pipetwist.cli.stored import configured_store
from pipetwist.cli.traffic import in_order

__all__ = ["forget"]


@click.command("stats forget", short_help="Remove counters from the file of a stopped daemon.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option(
    "--store", metavar="FILE", type=click.Path(dir_okay=False), help="The file with the counters."
)
@click.option(
    "--config",
    "-c",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Use the file that this pipetwist configuration names.",
)
def forget(names: tuple[str, ...], store: str | None, config: str | None) -> None:
    """Remove counters from the file of a stopped daemon, and show what they had counted in all.

    A NAME is that of a user, such as alice; or what it names is said before it, as in
    inbound>>>pipe-in; or it is a counter's whole name. Where one of the names has no counter
    nothing is removed.
    """
    if (store is None) == (config is None):
        message = (
            "say which file: --store FILE, or --config FILE for the one that a configuration names"
        )
        raise click.UsageError(message)
    path = store if store is not None else configured_store(str(config))
    from pipetwist.errors import StoreError
    from pipetwist.storage.offline import forget_counters, read_counters

    totals = {one.name: one.total for one in read_counters(path)}
    meant = {name: _counters_of(name, totals) for name in names}
    unknown = ", ".join(name for name, counters in meant.items() if not counters)
    if unknown:
        message = (
            f"{path} has no counter of {unknown}; nothing was removed. pipetwist stats --store "
            f"{path} shows what it has"
        )
        raise StoreError(message)
    removed = forget_counters(path, [name for counters in meant.values() for name in counters])
    shown = in_order({name: totals[name] for name in removed}, "name")
    if on_terminal():
        from pipetwist.cli.tables import counters_table, print_table

        print_table(counters_table(shown, exact=False))
    else:
        print_lines(shown.items())


def _counters_of(name: str, counters: Iterable[str]) -> list[str]:
    stem = f"{name}>>>" if ">>>" in name else f"user>>>{name}>>>"
    return [counter for counter in counters if counter == name or counter.startswith(stem)]
