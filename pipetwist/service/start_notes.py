"""What the log says after a start that went well, but may surprise."""

from __future__ import annotations

from twisted.logger import Logger

from pipetwist.config.document import Document
from pipetwist.config.notes import is_root, notes
from pipetwist.files import KnownFiles

__all__ = ["tell_notes", "tell_unseen"]


def tell_notes(document: Document, files: KnownFiles, log: Logger) -> None:
    """Log the notes on a configuration, and which files this user can't read again.

    Args:
        document: the configuration.
        files: reads the files that it names.
        log: where to log.
    """
    for note in notes(document, root=is_root()):
        log.warn("{note}", note=note)
    for path in files.unreadable():
        log.warn(
            "{path} can't be read again by this user: once it has changed, a reload fails",
            path=path,
        )


def tell_unseen(log: Logger, path: str) -> None:
    """Log that this user can't see whether a file has changed."""
    log.warn(
        "{path} can't be checked by this user: what was read before stays in use, even if "
        "the file has changed",
        path=path,
    )
