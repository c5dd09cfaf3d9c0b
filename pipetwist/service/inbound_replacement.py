"""Exchanges the inbounds of a running tree for others: all or nothing, and those that can go on
listening do.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipetwist.config.collisions import collisions
from pipetwist.config.document import Document
from pipetwist.errors import StartError
from pipetwist.interfaces import IInbound
from pipetwist.kinds.inbound_options import InboundOptions

__all__ = ["refuse_collisions", "replace_inbounds"]

_log = Logger()


def refuse_collisions(document: Document, inbounds: Mapping[str, IInbound]) -> None:
    """See that no two of a document's listeners want the same address.

    Args:
        document: the document.
        inbounds: those of its inbounds that there are already, by their tags.

    Raises:
        StartError: two do.
    """
    for problem in collisions(
        document, [tag for tag, inbound in inbounds.items() if inbound.inherited]
    ):
        raise StartError(str(problem))


@inlineCallbacks
def replace_inbounds(
    inbounds: Mapping[str, IInbound],
    wanted: Sequence[InboundOptions],
    make: Callable[[InboundOptions], IInbound],
) -> Generator[Deferred[Any], Any, dict[str, IInbound]]:
    """Have others listen.

    An inbound that can go on with its new options is changed and never stops listening. One that
    leaves listens on, for its caller to stop, unless a new one needs its address: that one stops
    first.

    Args:
        inbounds: those that listen, by their tags.
        wanted: the options of those that are to.
        make: makes a new one.

    Returns:
        A Deferred of those that are wanted, which all listen. It fails with
        `pipetwist.errors.StartError` where one can't; then everything is as it was.
    """
    staying = {
        options.tag: inbounds[options.tag]
        for options in wanted
        if options.tag in inbounds and inbounds[options.tag].can_apply(options)
    }
    coming = {options.tag: make(options) for options in wanted if options.tag not in staying}
    leaving = [inbound for tag, inbound in inbounds.items() if tag not in staying]
    back: list[Callable[[], object]] = []
    try:
        for inbound in leaving:
            if any(_needs_address(new, inbound) for new in coming.values()):
                back.append(inbound.listen)
                yield maybeDeferred(inbound.stop_listening)
        # From here to the end nothing waits, unless an endpoint of somebody else's does: nobody
        # comes in by half of a configuration.
        for inbound in coming.values():
            back.append(inbound.stop_listening)
            yield maybeDeferred(inbound.listen)
        for options in wanted:
            if options.tag in staying:
                back.append(staying[options.tag].apply(options))  # noqa: PERF401 - where one raises, those before it are to be known
    except Exception:
        for step in reversed(back):
            # One that can't be taken back, such as a port that somebody else has taken meanwhile,
            # must not keep the others from it.
            yield maybeDeferred(step).addErrback(_not_taken_back)
        raise
    return {options.tag: staying.get(options.tag) or coming[options.tag] for options in wanted}


def _not_taken_back(failure: Failure) -> None:
    if failure.check(StartError):
        _log.error(
            "{error}; it existed before the reload, and is missing now", error=str(failure.value)
        )
    else:
        _log.failure("A step of a reload could not be rolled back", failure)


def _needs_address(new: IInbound, old: IInbound) -> bool:
    if new.claims is None or old.claims is None:
        return True
    return any(one.may_overlap(other) for one in new.claims for other in old.claims)
