"""What a plug-in is doing, for people who look."""

from __future__ import annotations

from typing import NamedTuple

from twisted.internet.interfaces import IReactorTime

from pipetwist.plugins.plugin import Plugin
from pipetwist.plugins.supervision import State

__all__ = ["PluginStatus", "status_of"]


class PluginStatus(NamedTuple):
    """A plug-in at one moment.

    Attributes:
        label: whose it is, such as ``outbound obfs``.
        name: the program's.
        state: the value of its `pipetwist.plugins.supervision.State`.
        pid: the ID of its process; None if none runs.
        ready_seconds: for how long it has taken connections; None if it does not now.
        pause: seconds until it is started again; None if it does not wait for that.
        why: why it ended last, or can't be used, with its own last words; empty if it was never.
        starts: how many processes have been started.
        restarts: how many of them after another one had ended.
        start_seconds: how long the last start took until it was ready; 0 if none was.
    """

    label: str
    name: str
    state: str
    pid: int | None
    ready_seconds: float | None
    pause: float | None
    why: str
    starts: int
    restarts: int
    start_seconds: float


def status_of(plugin: Plugin, clock: IReactorTime) -> PluginStatus:
    """What a plug-in is doing now.

    Args:
        plugin: the plug-in.
        clock: its clock.
    """
    ready = plugin.is_ready and plugin.ready_at is not None
    since = plugin.ready_at if ready else None
    left = plugin.restarting.left
    why, words = plugin.why, str(plugin.words)
    if plugin.state in (State.FAILED, State.WAITING) and words and words not in why:
        why = f"{why}: {words}"
    return PluginStatus(
        plugin.label,
        plugin.contract.name,
        plugin.state.value,
        plugin.pid or None,
        None if since is None else clock.seconds() - since,
        left or None,
        why,
        plugin.starts,
        plugin.restarts,
        plugin.start_seconds,
    )
