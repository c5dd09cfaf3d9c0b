"""What a configuration says about counters: where they are kept, and what is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import cast

from twisted.logger import Logger

from pipetwist.config.document import Document
from pipetwist.config.named_users import lists_of_users, user_names
from pipetwist.interfaces import AnyReactor
from pipetwist.stats.names import ENTITIES, Every, Listed
from pipetwist.storage.service import StorageService
from pipetwist.values.text_or import ALL

__all__ = ["is_storage", "storage_of", "tracked_by"]


def storage_of(
    document: Document, reactor: AnyReactor, log: Logger, path_of: Callable[[str], str] = str
) -> StorageService | None:
    """The service for a file of counters.

    Args:
        document: the configuration.
        reactor: the reactor.
        log: gets what was found in the file.
        path_of: makes the file's path of the one that the configuration has.

    Returns:
        It; None if counters are in no file.
    """
    api = document.experimental.v2ray_api
    if api is None or api.stats.store is None:
        return None
    return StorageService(path_of(api.stats.store), api.stats.sync_interval, reactor, log)


def is_storage(service: object) -> bool:
    """Whether a service keeps a file of counters."""
    return isinstance(service, StorageService)


def tracked_by(document: Document) -> Listed:
    """What `pipetwist.stats.tracking.Tracked` has to count."""
    api = document.experimental.v2ray_api
    if api is None or not api.stats.enabled:
        return {}
    listed = {listing.key: getattr(api.stats, listing.key) for listing in ENTITIES.values()}
    every = {
        "inbounds": [options.tag for options in document.inbounds],
        "outbounds": [options.tag for options in document.outbounds],
        "users": EveryUser(document),
    }
    for key, names in listed.items():
        if names == ALL:
            listed[key] = every[key]
    return cast("Listed", listed)


class EveryUser(Every):
    """Every user of a document; only who iterates looks for their names, of which there may be
    very many.

    Args:
        document: the document.
    """

    __slots__ = ("_document",)

    def __init__(self, document: Document) -> None:
        self._document = document

    def __eq__(self, other: object) -> bool:
        """Whether there are the same users: mostly the same objects, which is soon seen."""
        return isinstance(other, EveryUser) and all(
            one == another
            for one, another in zip_longest(
                lists_of_users(self._document), lists_of_users(other._document)
            )
        )

    __hash__ = None  # type: ignore[assignment]  # nobody looks it up

    def __iter__(self) -> Iterator[str]:
        return iter(user_names(self._document))
