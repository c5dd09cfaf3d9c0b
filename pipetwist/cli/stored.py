"""The counters in the file of a daemon, read without asking the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipetwist.client.counters import Selection

__all__ = ["configured_store", "stored_counters", "tell_remarks"]


def stored_counters(path: str, selection: Selection, *, total: bool) -> dict[str, int]:
    """Read counters from a file, by name.

    Args:
        path: the file.
        selection: which.
        total: the totals, and not the values since the last reset.

    Raises:
        StoreError: the file can't be read, or is damaged.
    """
    from pipetwist.storage.offline import read_counters

    return {
        one.name: one.total if total else one.value
        for one in read_counters(path)
        if selection.matches(one.name)
    }


def tell_remarks(path: str) -> None:
    """Print remarks about a file on standard error: that a daemon uses it, or that one did not end
    in order.

    Raises:
        StoreError: the file can't be read, or is damaged.
    """
    from pipetwist.storage.offline import remarks

    for remark in remarks(path):
        click.echo(f"pipetwist: {remark}", err=True)


def configured_store(path: str) -> str:
    """The file of counters that a configuration names.

    Raises:
        ConfigError: the configuration can't be used, or names none.
    """
    from pipetwist.config.reading import read_document
    from pipetwist.errors import ConfigError

    api = read_document(path).experimental.v2ray_api
    if api is None or api.stats.store is None:
        message = (
            f"{path}: experimental.v2ray_api.stats.store is missing: this daemon keeps its "
            "counters in no file"
        )
        raise ConfigError(message)
    return api.stats.store
