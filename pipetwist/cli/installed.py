"""Finds what came with an installation besides its modules: the files of the folder ``etc``."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

__all__ = ["installed_file"]

_SHARE = ("share", "pipetwist")


def installed_file(name: str) -> Path | None:
    """Find a file.

    Args:
        name: its path in ``etc``, such as ``systemd/pipetwist.service``.

    Returns:
        Its path, or None if the installation has none.
    """
    checkout = Path(__file__).parents[2] / "etc" / name
    if checkout.exists():
        return checkout
    try:
        files = distribution("pipetwist").files or ()
    except PackageNotFoundError:
        return None
    wanted = (*_SHARE, *Path(name).parts)
    found = (Path(str(file.locate())) for file in files if file.parts[-len(wanted) :] == wanted)
    return next((path.resolve() for path in found if path.exists()), None)
