"""Folders that must be there before a start."""

from __future__ import annotations

from pathlib import Path

from pipetwist.errors import StartError

__all__ = ["require_folder"]


def require_folder(label: str, path: str) -> None:
    """Look whether the folder is there that a file is to stand in.

    Args:
        label: what needs it, which the error begins with.
        path: the file.

    Raises:
        StartError: it is not there.
    """
    folder = Path(path).parent
    if not folder.is_dir():
        message = f"{label}: there is no folder {folder}; make it first"
        raise StartError(message)
