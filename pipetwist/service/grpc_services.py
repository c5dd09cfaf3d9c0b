"""The services that a configuration has served over gRPC, which is loaded only for those."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pipetwist.api.availability import load_api
from pipetwist.config.document import Document
from pipetwist.control.actions import Actions
from pipetwist.control.availability import load_control
from pipetwist.control.entities import EntityRow, EntitySelection
from pipetwist.control.status import Status
from pipetwist.inbounds.context import InboundContext
from pipetwist.interfaces import CounterStoreLike
from pipetwist.stats.online import OnlineUsers

if TYPE_CHECKING:
    from pipetwist.api.service import StatsApi
    from pipetwist.control.service import ControlService

__all__ = ["control_service", "stats_api"]


def stats_api(
    document: Document, context: InboundContext, store: CounterStoreLike, online: OnlineUsers
) -> StatsApi | None:
    """Make the StatsService; None if the configuration has none.

    Args:
        document: the configuration.
        context: the context of everything that listens.
        store: the counters.
        online: the users who are online.

    Raises:
        StartError: a package that it needs is missing.
    """
    options = document.experimental.v2ray_api
    if options is None or options.listen is None:
        return None
    return load_api()(
        options,
        store,
        online,
        context.reactor,
        log=context.log,
        files=context.files,
        listeners=context.listeners,
        share=context.shares.monitoring("experimental.v2ray_api"),
    )


def control_service(
    document: Document,
    context: InboundContext,
    actions: Actions,
    status: Callable[[], Status],
    entities: Callable[[EntitySelection], Iterator[list[EntityRow]]],
) -> ControlService | None:
    """Make the control service; None if the configuration has none.

    Args:
        document: the configuration.
        context: the context of everything that listens.
        actions: what is done with connections.
        status: says the state of the daemon, in the reactor's thread.
        entities: reads inbounds, outbounds and users, there too, in slices.

    Raises:
        StartError: a package that it needs is missing.
    """
    options = document.control
    if options is None or options.listen is None:
        return None
    return load_control()(
        options,
        actions,
        status,
        entities,
        context.reactor,
        log=context.log,
        files=context.files,
        listeners=context.listeners,
        share=context.shares.monitoring("control"),
    )
