"""Names that panels can't use which read the counters, by their source code of 2026."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from pipetwist.config.document import Document
from pipetwist.config.named_users import user_names
from pipetwist.config.problems import Problem
from pipetwist.values import quote
from pipetwist.values.text_or import ALL

__all__ = ["PANELS"]

_STATS = ("experimental", "v2ray_api", "stats")
_MARZBAN = re.compile(r"[0-9]+(\..*)?", re.DOTALL)
_HIDDIFY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}@.*", re.DOTALL | re.IGNORECASE)


def _marzban(document: Document) -> Iterator[Problem]:
    """Marzban reads the number before the first dot of each name, after it has reset the counters:
    one wrong name loses all bytes of that query.
    """
    return _users(
        document,
        _MARZBAN,
        "Marzban wants the number that it has for the user, a dot and the name, as in 7.alice",
    )


def _hiddify(document: Document) -> Iterator[Problem]:
    """Hiddify reads the UUID before the @ of each name in the same way."""
    return _users(
        document,
        _HIDDIFY,
        "Hiddify wants the user's UUID, an @ and anything, as in "
        "6fd0b8f4-8a9d-4b0e-9f57-0c8a0f1f9a11@alice",
    )


def _three_x_ui(document: Document) -> Iterator[Problem]:
    """3x-ui adds up an inbound and an outbound with the same tag, and ignores the name api."""
    api = document.experimental.v2ray_api
    if api is None:
        return
    inbounds = _listed(api.stats.inbounds, [options.tag for options in document.inbounds])
    outbounds = _listed(api.stats.outbounds, [options.tag for options in document.outbounds])
    others: Sequence[str]
    for kind, names, others in (("inbounds", inbounds, ()), ("outbounds", outbounds, inbounds)):
        for index, tag in enumerate(names):
            if tag == "api":
                yield Problem(
                    (*_STATS, kind, index),
                    "3x-ui leaves out what is called api; give it another tag",
                )
            elif tag in others:
                yield Problem(
                    (*_STATS, kind, index),
                    f"3x-ui adds this up with the inbound {quote(tag)}; give one of them "
                    "another tag",
                )


def _users(document: Document, pattern: re.Pattern[str], wanted: str) -> Iterator[Problem]:
    api = document.experimental.v2ray_api
    for index, name in enumerate(_listed(api.stats.users, user_names(document)) if api else ()):
        if not pattern.fullmatch(name):
            yield Problem((*_STATS, "users", index), f"{wanted}, and not {quote(name)}")


def _listed(names: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """The names of a list, or all that there are if it is for all of them."""
    return known if names == ALL else names


PANELS: Mapping[str, Callable[[Document], Iterator[Problem]]] = {
    "marzban": _marzban,
    "hiddify": _hiddify,
    "3x-ui": _three_x_ui,
}
"""For each panel a function that finds the names that it can't use, in a document that is valid
otherwise.
"""
