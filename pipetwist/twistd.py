"""Checks the files, folders and users that twistd's own options name, before twistd fails with a
traceback.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipetwist.errors import StartError
from pipetwist.logs.file_opening import check_path

__all__ = ["check_paths"]


def check_paths(options: Mapping[str, Any]) -> None:  # of each option another type
    """Check that twistd can write its log and its pidfile, change to its folder, and become the
    user.

    Args:
        options: twistd's, before it has used them; twist has none of these.

    Raises:
        StartError: it can't.
    """
    if not options.get("logger") and not options.get("syslog"):
        _check_file("logfile", options.get("logfile"))
    _check_user(options.get("uid"), options.get("gid"))
    chroot = options.get("chroot")
    if chroot:
        _check_root(f"--chroot={chroot}", "only root may go there")
        _check_folder(f"--chroot={chroot}", Path(chroot))
        return  # the others are relative to it
    _check_file("pidfile", options.get("pidfile"))
    _check_pidfile(options.get("pidfile"), options.get("uid"))
    rundir = options.get("rundir")
    if rundir:
        _check_folder(f"--rundir={rundir}", Path(rundir))


def _check_file(option: str, name: str | None) -> None:
    if not name or name == "-":
        return
    path = Path(name)
    label = f"--{option}={name}"
    if path.is_dir():
        message = f"{label}: this is a folder; give the name of a file"
        raise StartError(message)
    _check_folder(label, path.parent)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        message = f"{label}: this user may not write there"
        raise StartError(message)


def _check_pidfile(name: str | None, uid: int | None) -> None:
    """Check the pidfile, which twistd writes through any link, before it changes the user."""
    if not name:
        return
    try:
        path = os.path.abspath(name)  # noqa: PTH100 - as twistd does; Path.absolute keeps ".."
        check_path(path, None if uid is None else (uid, -1))
    except OSError as error:
        message = f"--pidfile={name}: {error.filename}: {error.strerror}"
        raise StartError(message) from error


def _check_user(uid: int | None, gid: int | None) -> None:
    if uid is not None and uid != os.getuid():
        import pwd  # there is none on Windows, nor users

        try:
            pwd.getpwuid(uid)
        except KeyError:
            # twistd asks for its groups, which only a user with a name has.
            message = f"--uid={uid}: there is no user with this number"
            raise StartError(message) from None
        _check_root(f"--uid={uid}", "only root may become another user")
    if gid is not None and gid != os.getgid():
        _check_root(f"--gid={gid}", "only root may take another group")


def _check_root(label: str, otherwise: str) -> None:
    if os.geteuid() != 0:
        message = f"{label}: {otherwise}"
        raise StartError(message)


def _check_folder(label: str, folder: Path) -> None:
    if not folder.is_dir():
        message = f"{label}: there is no folder {folder.absolute()}; make it first"
        raise StartError(message)
