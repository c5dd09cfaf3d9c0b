"""The inbounds and outbounds of a document as it was written, each with its kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pipetwist.config.problems import KeyPath, every
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.kinds.registry import AnyKind, AnyRegistry
from pipetwist.outbounds.registry import OUTBOUNDS

__all__ = ["Entry", "entries"]

_SECTIONS: Mapping[str, AnyRegistry] = {"inbounds": INBOUNDS, "outbounds": OUTBOUNDS}


class Entry(NamedTuple):
    """An inbound or an outbound.

    Attributes:
        key_path: where it is.
        kind: its kind.
        written: its keys, which may be invalid.
    """

    key_path: KeyPath
    kind: AnyKind
    written: dict[str, object]


def entries(raw: object, *sections: str) -> Iterator[Entry]:
    """Find the entries of a document whose kind is known.

    Args:
        raw: the document, which may be invalid.
        *sections: ``inbounds`` or ``outbounds``; both if none is given.
    """
    for section in sections or _SECTIONS:
        for key_path, written in every(raw, section, ...):
            kind = (
                _SECTIONS[section].find(written.get("type")) if isinstance(written, dict) else None
            )
            if kind is not None and isinstance(written, dict):
                yield Entry(key_path, kind, written)
