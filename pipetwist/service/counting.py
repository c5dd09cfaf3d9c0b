"""What a configuration says of counters: where they are kept, and what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.logger import Logger

from pipetwist.config.document import Document
from pipetwist.storage.service import StorageService

__all__ = ["storage_of", "tracked_by"]


def storage_of(document: Document, reactor: Any, log: Logger) -> StorageService | None:
    """The file of counters; None where they are in none."""
    api = document.experimental.v2ray_api
    if api is None or api.stats.store is None:
        return None
    return StorageService(api.stats.store, api.stats.sync_interval, reactor, log)


def tracked_by(document: Document) -> dict[str, Sequence[str]]:
    """What `pipetwist.stats.tracking.Tracked` is to count."""
    api = document.experimental.v2ray_api
    if api is None or not api.stats.enabled:
        return {}
    return {"inbounds": api.stats.inbounds, "outbounds": api.stats.outbounds, "users": api.stats.users}
