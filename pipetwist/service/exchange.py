"""Exchanges the inbounds of a running tree for others: all or nothing, and those that can go on listening do."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred

from pipetwist.inbounds.options import InboundOptions

__all__ = ["exchange_inbounds"]


@inlineCallbacks
def exchange_inbounds(
    inbounds: Mapping[str, Any], wanted: Sequence[InboundOptions], make: Callable[[InboundOptions], Any]
) -> Generator[Deferred[Any], Any, dict[str, Any]]:
    """Have others listen.

    An inbound that can go on with its new options is changed and never stops listening. One that leaves listens on, for its caller to stop,
    unless a new one needs its address: that one stops first.

    Args:
        inbounds: those that listen, by their tags.
        wanted: the options of those that are to.
        make: makes a new one.

    Returns:
        A Deferred of those that are wanted, which all listen. It fails with `pipetwist.errors.StartError` where one can't; then
        everything is as it was.
    """
    staying = {
        options.tag: inbounds[options.tag] for options in wanted if options.tag in inbounds and inbounds[options.tag].goes_on_with(options)
    }
    coming = {options.tag: make(options) for options in wanted if options.tag not in staying}
    leaving = [inbound for tag, inbound in inbounds.items() if tag not in staying]
    back: list[Callable[[], Any]] = []
    try:
        for inbound in leaving:
            if any(_needs_address(new, inbound) for new in coming.values()):
                back.append(inbound.listen)
                yield maybeDeferred(inbound.stop_listening)
        # From here to the end nothing waits, unless an endpoint of somebody else's does: nobody comes in by half of a configuration.
        for inbound in coming.values():
            back.append(inbound.stop_listening)
            yield maybeDeferred(inbound.listen)
        for options in wanted:
            if options.tag in staying:
                back.append(staying[options.tag].change(options))  # noqa: PERF401 - where one raises, those before it are to be known
    except Exception:
        for step in reversed(back):
            yield maybeDeferred(step)
        raise
    return {options.tag: staying.get(options.tag) or coming[options.tag] for options in wanted}


def _needs_address(new: Any, old: Any) -> bool:
    return new.claim == old.claim or new.claim is None or old.claim is None
