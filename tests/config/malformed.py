"""Documents that are wrong in every way that hypothesis can think of."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

from hypothesis import strategies as st

from pipetwist.config.problems import KeyPath

__all__ = ["JUNK", "at", "members", "spoiled"]

_WORDS = (
    "inbounds", "outbounds", "route", "rules", "final", "experimental", "v2ray_api", "stats",
    "users", "tls", "log", "type", "tag", "name",
    "path", "command", "env", "listen", "unix", "tcp", "fork", "endpoint", "outbound", "inbound",
    "auth_user", "5s", "0600", "@a", ">", "",
)  # fmt: skip

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(_WORDS)
)
_KEYS = st.sampled_from(_WORDS) | st.text(st.characters(), max_size=8)

JUNK: st.SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)
"""Anything that JSON can say, made of a configuration's own words now and then."""


def members(value: object, key_path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Everything in a document but itself, with its place."""
    within = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, member in within:
        yield (*key_path, key), member
        yield from members(member, (*key_path, key))


def at(document: Any, key_path: KeyPath) -> Any:
    """What stands at a place."""
    return reduce(getitem, key_path, document)


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> Any:
    """A copy of a good document in which something is another thing, is gone, or has come."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        key_path, value = draw(st.sampled_from(list(members(document))))
        holder, key = at(document, key_path[:-1]), key_path[-1]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                holder[key] = draw(JUNK)
            case "add" if isinstance(value, dict):
                value[draw(_KEYS)] = draw(JUNK)
            case "add" if isinstance(value, list):
                value.append(draw(JUNK))
            case _ if len(document) > 1:
                del holder[key]
    return document
