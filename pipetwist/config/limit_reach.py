"""Finds limits of users that can't be reached, since every inbound where the user may come in has a
lower one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from pipetwist.config.document import Document
from pipetwist.config.problems import KeyPath, Problem
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.limit_options import UserLimitOptions
from pipetwist.kinds.user_options import AskingOptions, UserOptions
from pipetwist.values import quote

__all__ = ["unreachable_limits"]

_KEYS = ("up_mbps", "down_mbps", "max_connections", "connections_per_second")


def unreachable_limits(document: Document) -> Iterator[Problem]:
    """Find each limit of a user, and of ``default_limits``, above that of its inbounds."""
    inbounds = [options for options in document.inbounds if isinstance(options, AskingOptions)]
    for index, user in enumerate(document.users):
        if user.limits is not None:
            where = [options for options in inbounds if _comes_in(user, options)]
            yield from _above(("users", index, "limits"), quote(user.name), user.limits, where)
    for index, options in enumerate(document.inbounds):
        entries = options.users if isinstance(options, AskingOptions) else None
        for place, entry in enumerate(entries or ()):
            if isinstance(entry, UserOptions) and entry.limits is not None:
                key_path: KeyPath = ("inbounds", index, "users", place, "limits")
                yield from _above(key_path, quote(entry.name), entry.limits, [options])
    if document.default_limits is not None:
        asking = [options for options in inbounds if options.users is not None]
        yield from _above(("default_limits",), "a user", document.default_limits, asking)


def _comes_in(user: UserOptions, options: AskingOptions) -> bool:
    return options.users == "*" or user.name in (options.users or ())


def _above(
    key_path: KeyPath, whose: str, limits: UserLimitOptions, where: Sequence[InboundOptions]
) -> Iterator[Problem]:
    if not where:
        return
    for key in _KEYS:
        figure = getattr(limits, key)
        bounds = [getattr(options.limits, key, None) or inf for options in where]
        if figure in (None, inf) or max(bounds) >= figure:
            continue
        yield Problem(
            (*key_path, key),
            f"{figure:g} can't be reached: no inbound where {whose} comes in has {key} of more "
            f"than {max(bounds):g}",
        )
