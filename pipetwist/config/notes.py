"""What is good in a configuration, and hardly what its author means."""

from __future__ import annotations

from collections.abc import Iterator

from pipetwist.config.document import Document

__all__ = ["notes"]


def notes(document: Document) -> Iterator[str]:
    """Say what will surprise.

    Yields:
        A sentence for each such thing.
    """
    api = document.experimental.v2ray_api
    if api is not None and not api.stats.enabled and (api.stats.inbounds or api.stats.outbounds or api.stats.users):
        yield 'experimental.v2ray_api.stats lists what is to be counted, and nothing is, as in sing-box, without "enabled": true'
