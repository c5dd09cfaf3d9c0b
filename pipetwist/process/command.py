"""Finds what is needed to start a command, before the first connection: its file, its environment,
its folder and its user.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipetwist.accounts import Accounts
from pipetwist.errors import StartError
from pipetwist.process.bounds import ResourceBounds

__all__ = ["PreparedCommand", "prepare_command"]

# The variables of the daemon that every command gets, even if it does not inherit all of them.
_DEFAULT_VARIABLES = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LOGNAME",
    "SHELL",
    "SYSTEMROOT",
    "TMPDIR",
    "TZ",
    "USER",
)


@dataclass(frozen=True)
class PreparedCommand:
    """A command that is ready to be started.

    Attributes:
        command: the executable's absolute path and its arguments.
        env: the whole environment.
    """

    command: tuple[str, ...]
    env: dict[str, str]


def prepare_command(
    label: str,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    inherit_env: bool,
    cwd: str | None,
    user: str | None,
    ours: Mapping[str, str],
    accounts: Accounts | None = None,
    bounds: ResourceBounds | None = None,
) -> PreparedCommand:
    """Find what a command needs to start.

    ``sh`` and ``setpriv`` change the folder and the user. To change them between fork and exec the
    daemon would have to fork, which is slow and unsafe because of its size and its threads;
    posix_spawn is neither.

    Args:
        label: whose command it is, for errors.
        command: the command and its arguments.
        env: variables in addition to, or instead of, the usual ones.
        inherit_env: whether every variable of ``ours`` is passed on.
        cwd: the folder to start it in.
        user: the system's user to run it as.
        ours: the daemon's environment.
        accounts: finds the user; None to ask the system, which may block.
        bounds: what it may use of the machine; None for what the daemon may.

    Raises:
        StartError: it can't be started with these arguments.
    """
    whole = (
        dict(ours) if inherit_env else {key: ours[key] for key in _DEFAULT_VARIABLES if key in ours}
    )
    # The bounds come first: root may set what the user may not.
    prefix = [
        word
        for program, *arguments in (bounds or ResourceBounds()).wrappers()
        for word in (_find(label, program, os.defpath), *arguments)
    ]
    if user is not None:
        as_user, variables = _as_user(label, user, accounts or Accounts())
        prefix += as_user
        whole |= variables
    whole |= env
    program = _find(label, command[0], whole.get("PATH", os.defpath))
    if cwd is not None:
        if not Path(cwd).is_dir():
            message = f"{label}: cwd: there is no folder {cwd}"
            raise StartError(message)
        prefix += [_find(label, "sh", os.defpath), "-c", 'cd -- "$0" && exec "$@"', cwd]
    if prefix:
        return PreparedCommand((*prefix, program, *command[1:]), whole)
    return PreparedCommand((program, *command[1:]), whole)


def _find(label: str, name: str, path: str) -> str:
    found = shutil.which(name, path=path)
    if found is not None:
        return os.path.abspath(found)  # noqa: PTH100 - Path.absolute keeps "..", and resolve would follow links such as busybox's
    if "/" in name and Path(name).exists():
        message = f"{label}: the command {name} is not executable"
    elif "/" in name:
        message = f"{label}: there is no command {name}"
    else:
        message = f"{label}: there is no command {name!r} in PATH ({path})"
    raise StartError(message)


def _as_user(label: str, user: str, accounts: Accounts) -> tuple[list[str], dict[str, str]]:
    if os.geteuid() != 0:
        message = f"{label}: user: only root can start a command as {user!r}"
        raise StartError(message)
    entry = accounts.user(f"{label}: user", user)
    setpriv = _find(label, "setpriv", os.defpath)
    prefix = [setpriv, f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--init-groups", "--"]
    return prefix, {"HOME": entry.pw_dir, "USER": entry.pw_name, "LOGNAME": entry.pw_name}
