"""What a configuration says about counters: where they are kept, and what is counted."""

from __future__ import annotations

from typing import cast

from twisted.logger import Logger

from pipetwist.config.document import Document
from pipetwist.interfaces import AnyReactor
from pipetwist.stats.names import ENTITIES, Listed
from pipetwist.storage.service import StorageService

__all__ = ["storage_of", "tracked_by"]


def storage_of(document: Document, reactor: AnyReactor, log: Logger) -> StorageService | None:
    """The service for the file of counters; None if they are in no file."""
    api = document.experimental.v2ray_api
    if api is None or api.stats.store is None:
        return None
    return StorageService(api.stats.store, api.stats.sync_interval, reactor, log)


def tracked_by(document: Document) -> Listed:
    """What `pipetwist.stats.tracking.Tracked` has to count."""
    api = document.experimental.v2ray_api
    if api is None or not api.stats.enabled:
        return {}
    listed = {listing.key: getattr(api.stats, listing.key) for listing in ENTITIES.values()}
    return cast("Listed", listed)
