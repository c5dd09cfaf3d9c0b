"""Whether the file of quotas at its path is the one in which what is used is counted."""

from __future__ import annotations

from pathlib import Path

from pipetwist.quotas.stored import quota_path
from pipetwist.storage.file import is_locked, open_to_read

__all__ = ["is_kept", "missing", "strayed"]


def is_kept(store: str) -> bool:
    """Whether a daemon runs that keeps what is used, in the file at its path or in one that was
    removed or moved away. Then the daemon alone can change it.

    Args:
        store: the path of the file of counters, beside which it is.

    Raises:
        StoreError: one of the files can't be read.
    """
    return _is_used(quota_path(store)) or _is_used(store)


def strayed(store: str) -> str | None:
    """Why the file does not say what is used, for people: a daemon runs, and counts elsewhere. None
    if it does.

    Args:
        store: see `is_kept`.

    Raises:
        StoreError: see `is_kept`.
    """
    path = quota_path(store)
    if not _is_used(store) or _is_used(path):
        return None
    found = "it counts in another file" if Path(path).exists() else "there is no such file"
    return (
        f"{path}: a daemon runs that uses {store}, but {found}. If its own was moved away, move it "
        "back; if it was removed, the daemon counts on, and what it counts is lost when it stops; "
        "if the daemon was started without a quota, restart it"
    )


def missing(store: str) -> str | None:
    """What it means that there is no file, for people; None if there is one.

    Args:
        store: see `is_kept`.
    """
    path = quota_path(store)
    if Path(path).exists():
        return None
    return (
        f"{path}: there is no such file: nothing was used yet, unless it was removed while the "
        "daemon runs, which counts on"
    )


def _is_used(path: str) -> bool:
    if not Path(path).exists():
        return False
    file = open_to_read(path)
    try:
        return is_locked(file)
    finally:
        file.close()
