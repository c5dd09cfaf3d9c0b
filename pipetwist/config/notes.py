"""Notes on settings that are valid, but probably not what the author wants."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Sequence

from pipetwist.config.document import Document
from pipetwist.config.limit_reach import unreachable_limits
from pipetwist.config.problems import Problem
from pipetwist.config.unused import unused
from pipetwist.kinds.options import KindOptions
from pipetwist.values import quote

__all__ = ["is_root", "notes"]


def is_root() -> bool:
    """Whether this process runs as root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def notes(document: Document, *, root: bool) -> Iterator[Problem]:
    """Find settings that may surprise.

    Args:
        document: the configuration.
        root: whether the daemon runs as root.
    """
    for section, entries in (("inbounds", document.inbounds), ("outbounds", document.outbounds)):
        for index, options in enumerate(entries):
            for key_path, text in options.notes():
                yield Problem((section, index, *key_path), text)
        yield from _shared_processes(section, entries)
    yield from unused(document)
    yield from unreachable_limits(document)
    if root:
        yield from _lent_rights(document)


def _shared_processes(section: str, entries: Sequence[KindOptions]) -> Iterator[Problem]:
    """Those that are started again together."""
    groups: dict[Hashable, list[int]] = {}
    for index, options in enumerate(entries):
        if options.process_group is not None:
            groups.setdefault(options.process_group, []).append(index)
    for first, *others in groups.values():
        if others:
            shared = " and ".join(f"{section}[{index}]" for index in others)
            yield Problem(
                (section, first),
                f"it shares its process with {shared}: a change of one that its process has to "
                "know starts it again for all, and ends their connections",
            )


def _lent_rights(document: Document) -> Iterator[Problem]:
    """Outbounds whose servers see every client as root."""
    router = document.router()
    lending = {
        outbound.tag: index
        for index, outbound in enumerate(document.outbounds)
        if outbound.lends_rights
    }
    open_to_others = [inbound.tag for inbound in document.inbounds if inbound.is_open_to_others]
    for inbound in open_to_others:
        for tag in router.reachable(inbound):
            if tag in lending:
                yield Problem(
                    ("outbounds", lending.pop(tag)),
                    f"its server sees every client of the inbound {quote(inbound)} "
                    "as root, since this daemon runs as root; if the server trusts that "
                    "(PostgreSQL's peer, MariaDB's unix_socket), run the daemon as another user",
                )
