"""Checks that a name means the same user wherever it stands in a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipetwist.config.document import Document
from pipetwist.config.problems import KeyPath, Problem
from pipetwist.kinds.user_options import AskingOptions, UserOptions
from pipetwist.values import quote

__all__ = ["contradictions", "twofold", "twofold_limits"]


def contradictions(document: Document) -> Iterator[Problem]:
    """Find the users of an inbound whose name is that of another at the top, in a document that is
    valid otherwise.
    """
    # Of very many users few are an inbound's alone, mostly none.
    asked = {
        user.name
        for inbound in document.inbounds
        if isinstance(inbound, AskingOptions)
        for user in inbound.own_users
    }
    names: dict[str, set[UserOptions]] = {}
    for user in document.all_users if asked else ():
        if user.name in asked:
            names.setdefault(user.name, set()).add(_without_limits(user))
    for index, inbound in enumerate(document.inbounds):
        entries = inbound.users if isinstance(inbound, AskingOptions) else None
        for place, entry in enumerate(entries or ()):
            if (
                isinstance(entry, UserOptions)
                and entry.name in names
                and _without_limits(entry) not in names[entry.name]
            ):
                yield Problem(
                    ("inbounds", index, "users", place),
                    f"{quote(entry.name)} is known by something else in the list users at the "
                    "top; write the name alone here, or the same there, or another name",
                )


def twofold_limits(document: Document) -> Iterator[Problem]:
    """Find the users that have limits in one entry and others in another."""
    first: dict[str, UserOptions] = {}
    for key_path, user in _entries(document):
        if user.limits is None:
            continue
        other = first.setdefault(user.name, user)
        if other.limits != user.limits:
            yield Problem((*key_path, "limits"), twofold(user.name))


def twofold(name: str) -> str:
    """Say that a user has limits in one entry and others in another, for people."""
    return (
        f"{quote(name)} has other limits in an entry before; a user has one set of limits: write "
        "them once, or the same"
    )


def _entries(document: Document) -> Iterator[tuple[KeyPath, UserOptions]]:
    for index, user in enumerate(document.users):
        yield ("users", index), user
    for user in () if document.users_file is None else document.users_file.users:
        yield ("users_file",), user
    for index, inbound in enumerate(document.inbounds):
        entries = inbound.users if isinstance(inbound, AskingOptions) else None
        for place, entry in enumerate(entries or ()):
            if isinstance(entry, UserOptions):
                yield ("inbounds", index, "users", place), entry


def _without_limits(user: UserOptions) -> UserOptions:
    return user if user.limits is None else replace(user, limits=None)
