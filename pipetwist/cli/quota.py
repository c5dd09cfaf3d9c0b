"""``pipetwist quota``, and ``pipetwist quota reset``."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from pipetwist.cli.output import on_terminal, print_json, print_lines
from pipetwist.cli.server_options import ServerChoice, control_options
from pipetwist.cli.stored import configured_store

if TYPE_CHECKING:
    from datetime import tzinfo

    from rich.console import RenderableType

    from pipetwist.quotas.quota_table import Quotas
    from pipetwist.quotas.stored import QuotaRow, Stored
    from pipetwist.storage.layout import Slot

__all__ = ["quota", "quota_reset"]

_NOTHING_FOUND = 1


class _Configured(NamedTuple):
    """What a configuration says about quotas.

    Attributes:
        store: the file of counters, beside which the file is that keeps what was used.
        quotas: of each user that has some.
        zone: whose calendar it is.
    """

    store: str
    quotas: Quotas
    zone: tzinfo | None


@click.command(short_help="Show what users have used of their quotas.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--config",
    "-c",
    metavar="FILE",
    required=True,
    type=click.Path(dir_okay=False),
    help="The daemon's configuration, which names the users and the file of counters.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: bytes, and times in ISO 8601.")
def quota(names: tuple[str, ...], config: str, as_json: bool) -> None:
    """Show what users have used of their quotas, what is left, and when they begin anew.

    It reads the file that the daemon keeps, whether the daemon runs or not; if a daemon that runs
    counts elsewhere, since the file was removed or moved away, it says so instead. On a terminal
    sizes are in units (1 KiB is 1024 bytes). Elsewhere each quota is a line with the user, a TAB,
    the period and what is counted, such as month-15-both, a TAB, the bytes of the quota, a TAB, the
    bytes that were used, a TAB, those that are left, a TAB, and when it begins anew, in seconds
    since 1970 or "never". The exit status is 1 where none of the users has a quota.
    """
    from pipetwist.errors import StoreError
    from pipetwist.quotas.keeping import missing, strayed

    configured = _configured(config)
    elsewhere = strayed(configured.store)
    if elsewhere is not None:
        raise StoreError(elsewhere)
    remark = missing(configured.store)
    if remark is not None:
        click.echo(f"pipetwist: {remark}", err=True)
    wanted = {
        user: quotas for user, quotas in configured.quotas.items() if not names or user in names
    }
    rows = _read(configured.store).rows(wanted, time.time(), configured.zone)
    if as_json:
        print_json({"quota": [_as_json(row, configured.zone) for row in rows]})
    elif on_terminal() and rows:
        from pipetwist.cli.tables import print_table

        print_table(_table(rows, configured.zone))
    else:
        print_lines(_fields(row) for row in rows)
    unknown = [name for name in names if name not in wanted]
    if unknown or not rows:
        what = ", ".join(unknown) or "any user"
        click.echo(f"pipetwist: {config} has no quota of {what}", err=True)
    if not rows:
        click.get_current_context().exit(_NOTHING_FOUND)


@click.command("quota reset", short_help="Begin users' quotas anew.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@control_options
def quota_reset(names: tuple[str, ...], server: ServerChoice) -> None:
    """Begin the quotas of users anew: by the control service of a daemon that runs, or in the file
    of a stopped one, which --config names.

    The periods end when they would have. In the file nothing is changed where one of the names has
    no quota.
    """
    from pipetwist.errors import StoreError

    config: str | None = click.get_current_context().params["config"]
    if config is not None:
        from pipetwist.quotas.keeping import is_kept

        configured = _configured(config)
        if not is_kept(configured.store):
            _reset_in_file(names, config, configured)
            return
    from pipetwist.client.control import ControlCalls

    with closing(ControlCalls(server())) as calls:
        unknown = calls.reset_quotas(names)
    if unknown:
        message = f"the daemon has no quota of {', '.join(unknown)}"
        raise StoreError(message)


def _reset_in_file(names: tuple[str, ...], config: str, configured: _Configured) -> None:
    from pipetwist.errors import StoreError
    from pipetwist.quotas.keeping import missing
    from pipetwist.quotas.stored import Stored, quota_path
    from pipetwist.storage.offline import change_counters, figures_of

    unknown = ", ".join(name for name in names if name not in configured.quotas)
    if unknown:
        message = f"{config} has no quota of {unknown}; nothing was changed"
        raise StoreError(message)
    nothing = missing(configured.store)
    if nothing is not None:
        message = f"{nothing}, and can be asked by --server alone"
        raise StoreError(message)
    wanted = {name: configured.quotas[name] for name in names}

    def begin_anew(slots: list[Slot]) -> list[Slot]:
        stored = Stored(figures_of(slots))
        stored.reset(wanted, time.time(), configured.zone)
        return stored.written(slots)

    change_counters(quota_path(configured.store), begin_anew)


def _configured(path: str) -> _Configured:
    from pipetwist.config.named_users import user_names
    from pipetwist.config.reading import read_document
    from pipetwist.service.limiting import limits_of

    document = read_document(path)
    limits = limits_of(document)
    quotas = {name: limits.quotas(name) for name in user_names(document)}
    return _Configured(
        configured_store(path), {name: some for name, some in quotas.items() if some}, limits.zone
    )


def _read(store: str) -> Stored:
    """Nothing was used where there is no file yet."""
    from pipetwist.quotas.stored import Stored, quota_path
    from pipetwist.storage.offline import read_counters

    path = quota_path(store)
    return Stored(read_counters(path) if Path(path).exists() else ())


def _fields(row: QuotaRow) -> Iterable[object]:
    return (
        row.user,
        row.counted,
        row.options.bytes,
        row.used,
        row.left,
        "never" if row.anew is None else row.anew,
    )


def _as_json(row: QuotaRow, zone: tzinfo | None) -> dict[str, object]:
    return {
        "user": row.user,
        "per": row.options.per,
        "starts": row.options.starts,
        "count": row.options.count,
        "bytes": row.options.bytes,
        "used": row.used,
        "left": row.left,
        "anew": None if row.anew is None else _local(row.anew, zone).isoformat(),
    }


def _table(rows: Iterable[QuotaRow], zone: tzinfo | None) -> RenderableType:
    from pipetwist.cli.output import printable
    from pipetwist.cli.quantities import size_text
    from pipetwist.cli.tables import FittingTable

    table = FittingTable("user", "quota", "begins anew", "of", "used", "left", right=3)
    for row in rows:
        anew = "never" if row.anew is None else f"{_local(row.anew, zone):%Y-%m-%d %H:%M}"
        sizes = (size_text(count) for count in (row.options.bytes, row.used, row.left))
        table.add_row(printable(row.user), row.counted, anew, *sizes)
    return table


def _local(when: int, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(when, zone).astimezone(zone)
