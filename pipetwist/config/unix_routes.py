"""Whether what works between two unix sockets alone is asked for between two of them.

Routes are looked at in the document as it was written, as `pipetwist.config.consistency` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipetwist.config.compatibility import carried, named_entries, ways
from pipetwist.config.document import Document
from pipetwist.config.problems import KeyPath, Problem
from pipetwist.values import quote

__all__ = ["passing_by_streams", "routes_without_unix"]


def routes_without_unix(raw: object) -> Iterator[Problem]:
    """Find each key that needs unix sockets on both sides, and has not got them on some route."""
    if not isinstance(raw, dict):
        return
    outbounds = {entry.written["tag"]: entry for entry in named_entries(raw, "outbounds")}
    told: set[KeyPath] = set()
    for inbound in named_entries(raw, "inbounds"):
        led_to = [way for medium in carried(inbound) for way in ways(raw, inbound, medium)]
        for _, tag in led_to:
            outbound = outbounds.get(tag) if isinstance(tag, str) else None
            if outbound is None:
                continue
            for asks, other, text in (
                (outbound, inbound, "the inbound {} leads here, which is no unix socket"),
                (inbound, outbound, "this leads to the outbound {}, which is no unix socket"),
            ):
                if other.kind.Options.is_unix_stream:
                    continue
                for key, why in asks.kind.Options.needs_unix(asks.written):
                    key_path = (*asks.key_path, key)
                    if key_path not in told:
                        told.add(key_path)
                        what = text.format(quote(other.written["tag"]))
                        yield Problem(
                            key_path, f"{why}: {what}; route it elsewhere, or leave the key out"
                        )


def passing_by_streams(document: Document) -> Iterator[Problem]:
    """Find each outbound that is to pass descriptors on, and whose bytes Twisted is to move."""
    for index, outbound in enumerate(document.outbounds):
        if outbound.passes_descriptors and outbound.moved_by(document.transfer) == "stream":
            yield Problem(
                ("outbounds", index, "pass_descriptors"),
                'descriptors can\'t be passed on with "transfer": "stream"; use "auto", or leave '
                "the key out",
            )
