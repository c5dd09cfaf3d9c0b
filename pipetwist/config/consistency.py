"""Checks that the parts of a document agree: names that must be unique, names that must exist, and
listeners that are safe.

It checks the document as it was written, so that it finds problems even if other values are wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from types import EllipsisType
from typing import NamedTuple, TypeGuard

from pipetwist.config.acting import control_refused
from pipetwist.config.compatibility import incompatible_routes
from pipetwist.config.kept_quotas import quotas_not_kept
from pipetwist.config.problems import KeyPath, Problem, every
from pipetwist.config.unix_routes import routes_without_unix
from pipetwist.values import quote
from pipetwist.values.bind_address import UnixAddress
from pipetwist.values.listen import parse_listen, why_refused
from pipetwist.values.names import parse_name

__all__ = ["inconsistencies"]

_Steps = tuple[str | EllipsisType, ...]

# with more names the search for similar ones would take too long in a document with many errors
_FEW = 50


class _Kind(NamedTuple):
    """A kind of name: where such names are defined, and the message for one that is not."""

    names: Sequence[_Steps]
    unknown: str


_INBOUND = _Kind([("inbounds", ..., "tag")], "no inbound has the tag")
_OUTBOUND = _Kind([("outbounds", ..., "tag")], "no outbound has the tag")
_SHARED_USER = _Kind([("users", ..., "name")], "the list users has none named")
_USER = _Kind(
    [*_SHARED_USER.names, ("inbounds", ..., "users", ..., "name")], "there is no user named"
)

_API = ("experimental", "v2ray_api")
_MENTIONS: tuple[tuple[_Kind, _Steps], ...] = (
    (_SHARED_USER, ("inbounds", ..., "users", ...)),
    (_INBOUND, ("route", "rules", ..., "inbound", ...)),
    (_INBOUND, ("route", "rules", ..., "inbound")),  # a single text
    (_USER, ("route", "rules", ..., "auth_user", ...)),
    (_USER, ("route", "rules", ..., "auth_user")),
    (_OUTBOUND, ("route", "rules", ..., "outbound")),
    (_OUTBOUND, ("route", "final")),
    (_INBOUND, (*_API, "stats", "inbounds", ...)),
    (_OUTBOUND, (*_API, "stats", "outbounds", ...)),
    (_USER, (*_API, "stats", "users", ...)),
)


def inconsistencies(raw: object) -> Iterator[Problem]:
    """Find all inconsistencies of a document as it was written."""
    for kind in (_INBOUND, _OUTBOUND, _USER):
        yield from _bad_names(raw, kind)
    for kind in (_INBOUND, _OUTBOUND, _SHARED_USER, _USER):
        yield from _unknown_names(raw, kind)
    for kind in (_INBOUND, _OUTBOUND):
        yield from _shared_tags(raw, kind)
    yield from incompatible_routes(raw)
    yield from routes_without_unix(raw)
    for listener in (_API, ("metrics",)):
        for key_path, options in every(raw, *listener):
            if isinstance(options, dict):
                yield from _refused_listener(options, key_path)
    yield from control_refused(raw)
    yield from quotas_not_kept(raw)


def _bad_names(raw: object, kind: _Kind) -> Iterator[Problem]:
    """Check names even in entries of unknown type, which nothing else checks."""
    for key_path, name in _defined(raw, kind):
        fault = _fault_of_name(name)
        if fault is not None:
            yield Problem(key_path, fault)


def _shared_tags(raw: object, kind: _Kind) -> Iterator[Problem]:
    owners: dict[str, KeyPath] = {}
    for key_path, tag in _defined(raw, kind):
        if _is_name(tag):
            section, first, _ = owners.setdefault(tag, key_path)
            if first != key_path[1]:
                yield Problem(
                    key_path,
                    f"{quote(tag)} is the tag of {section}[{first}] already; each needs a tag "
                    "of its own",
                )


def _unknown_names(raw: object, kind: _Kind) -> Iterator[Problem]:
    sections = {section for section, *_ in kind.names}
    if not isinstance(raw, dict) or not all(
        isinstance(raw.get(section, [] if section == "users" else None), list)
        for section in sections
    ):
        return  # a missing name is another problem, and what it should be is not known
    if kind in (_SHARED_USER, _USER) and raw.get("users_file") is not None:
        return  # it may be one of the file's, and come and go there
    known = {name: None for _, name in _defined(raw, kind) if _is_name(name)}
    for key_path, name in (
        found for mentioned, steps in _MENTIONS if mentioned is kind for found in every(raw, *steps)
    ):
        if isinstance(name, str) and _is_name(name) and name not in known:
            near = get_close_matches(name, known, 1) if len(known) <= _FEW else ()
            yield Problem(
                key_path,
                f"{kind.unknown} {quote(name)}"
                + (f"; did you mean {quote(near[0])}?" if near else ""),
            )


def _defined(raw: object, kind: _Kind) -> Iterator[tuple[KeyPath, object]]:
    for steps in kind.names:
        yield from every(raw, *steps)


def _refused_listener(options: dict[str, object], key_path: KeyPath) -> Iterator[Problem]:
    try:
        listen = parse_listen(options.get("listen"))
    except ValueError:
        return
    insecure = options.get("insecure", False) is not False
    tls = options.get("tls")
    spoken = tls is not None and not (isinstance(tls, dict) and tls.get("enabled") is False)
    refusal = why_refused(listen, tls=spoken, insecure=insecure)
    if refusal is not None:
        yield Problem((*key_path, "tls" if isinstance(listen, UnixAddress) else "listen"), refusal)


def _is_name(raw: object) -> TypeGuard[str]:
    return _fault_of_name(raw) is None


def _fault_of_name(raw: object) -> str | None:
    try:
        parse_name(raw)
    except ValueError as error:
        return str(error)
    return None
