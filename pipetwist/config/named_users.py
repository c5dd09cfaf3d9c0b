"""The users of a document, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipetwist.config.document import Document
from pipetwist.config.problems import KeyPath
from pipetwist.kinds.user_options import UserOptions

__all__ = ["lists_of_users", "names_of_users", "user_names"]


def lists_of_users(document: Document) -> Iterator[tuple[KeyPath, Sequence[UserOptions]]]:
    """Each list of users, the one at the top first, with where it is. Of inbounds it is their own
    users alone, and not the names of others.
    """
    yield ("users",), document.users
    if document.users_file is not None:
        yield ("users_file",), document.users_file.users
    for index, inbound in enumerate(document.inbounds):
        users = getattr(inbound, "users", None)
        if isinstance(users, tuple):
            own = [user for user in users if not isinstance(user, str)]
            yield ("inbounds", index, "users"), own


def names_of_users(document: Document) -> Iterator[str]:
    """The names of users, some of them perhaps more than once."""
    return (user.name for _, users in lists_of_users(document) for user in users)


def user_names(document: Document) -> list[str]:
    """The name of every user, once."""
    return list(dict.fromkeys(names_of_users(document)))
