"""The quotas of users in the tree of services, and the file that keeps what was used."""

from __future__ import annotations

import time

from twisted.application.service import MultiService
from twisted.logger import Logger

from pipetwist.config.document import Document
from pipetwist.errors import StartError
from pipetwist.interfaces import AnyReactor
from pipetwist.limits.limits import Limits
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.quota_table import QuotaTable
from pipetwist.quotas.stored import quota_path
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.service.counting import storage_of

__all__ = ["keep_quotas", "refuse_new_quotas"]


def keep_quotas(
    tree: MultiService,
    document: Document,
    limits: Limits,
    reactor: AnyReactor,
    connection_table: ConnectionTable,
    log: Logger,
) -> None:
    """Open the file of quotas with the tree, and hold connections to them, if any user has one.

    Args:
        tree: gets the service.
        document: the configuration.
        limits: what it limits.
        reactor: the reactor.
        connection_table: its connections are limited.
        log: gets what was found in the file.

    Raises:
        StartError: the configuration names no file for it. A check finds that, but for users in a
            file of their own.
    """
    if not limits.have_quotas:
        return
    storage = storage_of(document, reactor, log, quota_path)
    if storage is None:
        message = (
            "limits.quota: a quota needs a file that keeps what is used; name one in "
            "experimental.v2ray_api.stats.store"
        )
        raise StartError(message)
    store = storage.store
    quotas = QuotaTable(
        reactor,
        Calendar(time.time, limits.zone),
        store.counter,
        lambda name: store.get(name) is not None,
        connection_table.look_again,
    )
    connection_table.limits.keep_quotas(quotas)
    storage.setServiceParent(tree)


def refuse_new_quotas(connection_table: ConnectionTable, limits: Limits) -> None:
    """Refuse a configuration with quotas where the daemon was started without any.

    Args:
        connection_table: its connections are limited.
        limits: what the configuration limits.

    Raises:
        StartError: there are some.
    """
    if limits.have_quotas and connection_table.limits.quotas is None:
        message = (
            "limits.quota: this daemon was started without a quota, and has no file for what is "
            "used; restart it"
        )
        raise StartError(message)
