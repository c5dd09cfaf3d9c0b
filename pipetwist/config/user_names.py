"""Checks that a name means the same user at the top of a document and at its inbounds."""

from __future__ import annotations

from collections.abc import Iterator

from pipetwist.config.document import Document
from pipetwist.config.problems import Problem
from pipetwist.kinds.user_options import AskingOptions, UserOptions
from pipetwist.values import quote

__all__ = ["contradictions"]


def contradictions(document: Document) -> Iterator[Problem]:
    """Find the users of an inbound whose name is that of another at the top, in a document that is
    valid otherwise.
    """
    names: dict[str, set[UserOptions]] = {}
    for user in document.users:
        names.setdefault(user.name, set()).add(user)
    for index, inbound in enumerate(document.inbounds):
        entries = inbound.users if isinstance(inbound, AskingOptions) else None
        for place, entry in enumerate(entries or ()):
            if isinstance(entry, UserOptions) and entry not in names.get(entry.name, {entry}):
                yield Problem(
                    ("inbounds", index, "users", place),
                    f"{quote(entry.name)} is known by something else in the list users at the "
                    "top; write the name alone here, or the same there, or another name",
                )
