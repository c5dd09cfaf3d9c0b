"""The files and folders that twistd's own options name, looked at before twistd fails on one with a traceback."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipetwist.errors import StartError

__all__ = ["check_places"]


def check_places(options: Mapping[str, Any]) -> None:
    """See that twistd can write its log and its pidfile, and go to its folder.

    Args:
        options: twistd's, before it has acted on them; twist's have none of these.

    Raises:
        StartError: it can't.
    """
    if not options.get("logger") and not options.get("syslog"):
        _check_file("logfile", options.get("logfile"))
    if options.get("chroot"):  # the others are within
        return
    _check_file("pidfile", options.get("pidfile"))
    rundir = options.get("rundir")
    if rundir:
        _check_folder(f"--rundir={rundir}", Path(rundir))


def _check_file(option: str, name: str | None) -> None:
    if not name or name == "-":
        return
    path = Path(name)
    place = f"--{option}={name}"
    if path.is_dir():
        message = f"{place}: this is a folder; give the name of a file"
        raise StartError(message)
    _check_folder(place, path.parent)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        message = f"{place}: this user may not write there"
        raise StartError(message)


def _check_folder(place: str, folder: Path) -> None:
    if not folder.is_dir():
        message = f"{place}: there is no folder {folder.absolute()}; make it first"
        raise StartError(message)
