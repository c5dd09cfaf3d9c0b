"""Folders that must exist before a start."""

from __future__ import annotations

from pathlib import Path

from pipetwist.errors import StartError

__all__ = ["require_folder"]


def require_folder(label: str, path: str) -> None:
    """Check that the folder of a file exists.

    Args:
        label: what needs it; the error begins with this.
        path: the file.

    Raises:
        StartError: it does not exist.
    """
    folder = Path(path).parent
    if not folder.is_dir():
        message = f"{label}: there is no folder {folder}; make it first"
        raise StartError(message)
