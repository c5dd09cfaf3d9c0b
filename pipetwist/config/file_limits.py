"""Checks the limits of the users of a file against the rest of a document."""

from __future__ import annotations

from collections.abc import Iterator

from pipetwist.config.document import Document
from pipetwist.config.problems import Problem
from pipetwist.kinds.user_options import AskingOptions, UserOptions, UsersFile
from pipetwist.values import quote

__all__ = ["wrong_limits"]


def wrong_limits(document: Document, read: UsersFile) -> Iterator[Problem]:
    """Find users of a file with other limits than the document has for them, and quotas where the
    document names no file for what is used.

    Args:
        document: the document.
        read: what was read of the file.
    """
    api = document.experimental.v2ray_api
    kept = api is not None and api.stats.store is not None
    # Of very many users in a file few stand elsewhere, mostly none.
    elsewhere = {user.name: user.limits for user in _written(document) if user.limits is not None}
    for user in read.users if elsewhere or not kept else ():
        limits = user.limits
        if limits is None:
            continue
        if elsewhere.get(user.name, limits) != limits:
            yield Problem(
                (),
                f"{quote(user.name)} has other limits in the list users at the top or of an "
                "inbound; a user has one set of limits: write them once, or the same",
            )
        if limits.quota and not kept:
            yield Problem(
                (),
                f"{quote(user.name)} has a quota, which needs a file that keeps what is used; "
                "name one in experimental.v2ray_api.stats.store",
            )


def _written(document: Document) -> Iterator[UserOptions]:
    yield from document.users
    for inbound in document.inbounds:
        if isinstance(inbound, AskingOptions):
            yield from inbound.own_users
