"""Finds limits that go by clients' addresses, at inbounds whose clients have none that is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from pipetwist.config.document import Document
from pipetwist.config.problems import Problem
from pipetwist.kinds.user_options import AskingOptions, UserOptions
from pipetwist.values import quote
from pipetwist.values.text_or import ALL

__all__ = ["unknown_sources"]


def unknown_sources(document: Document) -> Iterator[Problem]:
    """Find the inbounds where a user with such a limit may come in, in a document that is valid
    otherwise.
    """
    for index, inbound in enumerate(document.inbounds):
        if inbound.knows_sources or not isinstance(inbound, AskingOptions):
            continue
        for user in _users(document, inbound):
            if _max_sources(document, user) not in (None, inf):
                yield Problem(
                    ("inbounds", index, "users"),
                    f"{quote(user.name)} has max_sources, and where clients come from is not known "
                    'here; take it away with "max_sources": null, or have the far end say it: '
                    '"proxy_protocol": true',
                )
                break


def _users(document: Document, inbound: AskingOptions) -> Sequence[UserOptions]:
    if inbound.users == ALL:
        return document.all_users
    names = {entry for entry in inbound.users or () if isinstance(entry, str)}
    shared = [user for user in document.all_users if user.name in names] if names else []
    return [*shared, *inbound.own_users]


def _max_sources(document: Document, user: UserOptions) -> float | None:
    own = None if user.limits is None else user.limits.max_sources
    if own is None and document.default_limits is not None:
        return document.default_limits.max_sources
    return own
