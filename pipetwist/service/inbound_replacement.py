"""Replaces the inbounds of a running tree: all or nothing. Those that can continue to listen do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from twisted.internet.defer import inlineCallbacks, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipetwist.config.collisions import collisions
from pipetwist.config.document import Document
from pipetwist.config.unknown_sources import unknown_sources
from pipetwist.errors import StartError
from pipetwist.interfaces import IInbound, InlineCallbacks
from pipetwist.kinds.inbound_options import InboundOptions

__all__ = ["refuse_collisions", "replace_inbounds"]

_log = Logger()


def refuse_collisions(document: Document, inbounds: Mapping[str, IInbound]) -> None:
    """Check that no two listeners of a document need the same address, and that no limit goes by
    addresses of clients that nobody knows.

    Args:
        document: the document.
        inbounds: the existing inbounds, by their tags.

    Raises:
        StartError: two need the same, or one does.
    """
    inherited = [tag for tag, inbound in inbounds.items() if inbound.inherited]
    for problem in chain(collisions(document, inherited), unknown_sources(document)):
        raise StartError(str(problem))


@inlineCallbacks
def replace_inbounds(
    inbounds: Mapping[str, IInbound],
    wanted: Sequence[InboundOptions],
    make: Callable[[InboundOptions], IInbound],
) -> InlineCallbacks[dict[str, IInbound]]:
    """Replace inbounds.

    An inbound that can continue with its new options is changed, and never stops listening. An
    inbound that is removed keeps listening until the caller stops it, unless a new one needs its
    address: then it stops first.

    Args:
        inbounds: those that listen, by their tags.
        wanted: the options of those that should.
        make: makes a new one.

    Returns:
        A Deferred of the wanted ones, which all listen. It fails with `pipetwist.errors.StartError`
        if one can't listen; then everything is as before.
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
        # From here to the end nothing waits, except a plug-in's endpoint: no client is accepted
        # under half of a configuration.
        for inbound in coming.values():
            back.append(inbound.stop_listening)
            yield maybeDeferred(inbound.listen)
        for options in wanted:
            if options.tag in staying:
                back.append(staying[options.tag].apply(options))  # noqa: PERF401 - where one raises, those before it are to be known
    except Exception:
        for step in reversed(back):
            # If a step can't be undone, such as for a port that another process has taken
            # meanwhile, the others must be undone all the same.
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
