"""Checks the files, folders and users that twistd's own options name, before twistd fails with a
traceback, and takes over its pidfile.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from pipetwist.errors import StartError
from pipetwist.pidfile import Pidfile

__all__ = ["check_paths", "take_pidfile"]


def check_paths(options: Mapping[str, Any]) -> None:  # of each option another type
    """Check that twistd can write its log, change to its folder, and become the user.

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
    rundir = options.get("rundir")
    if rundir:
        _check_folder(f"--rundir={rundir}", Path(rundir))


def take_pidfile(options: MutableMapping[str, Any]) -> Pidfile:  # as above
    """Take the pidfile from twistd, which would write it through any link, and remove a stale one.

    Args:
        options: twistd's. It has no pidfile afterwards.

    Returns:
        The pidfile, to be written by this process when it runs in the background.

    Raises:
        StartError: the daemon runs already, or the file can't be written.
    """
    name = options.get("pidfile")
    if not name:
        return Pidfile("")
    options["pidfile"] = ""
    pidfile = Pidfile(os.path.abspath(name))  # noqa: PTH100 - as twistd does; Path.absolute keeps ".."
    if not options.get("chroot"):
        folder = _check_parent(f"--pidfile={name}", Path(name))
        _check_writable(f"--pidfile={name}", folder)
        pidfile.remove_stale()
    return pidfile


def _check_file(option: str, name: str | None) -> None:
    if not name or name == "-":
        return
    path = Path(name)
    label = f"--{option}={name}"
    folder = _check_parent(label, path)
    _check_writable(label, path if path.exists() else folder)


def _check_parent(label: str, path: Path) -> Path:
    if path.is_dir():
        message = f"{label}: this is a folder; give the name of a file"
        raise StartError(message)
    _check_folder(label, path.parent)
    return path.parent


def _check_writable(label: str, path: Path) -> None:
    if not os.access(path, os.W_OK):
        message = f"{label}: this user may not write there"
        raise StartError(message)


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
