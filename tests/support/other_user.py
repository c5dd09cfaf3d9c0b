"""Another user than root, for what a test of root's does as one."""

from __future__ import annotations

import os
import pwd
import stat
import sys
from pathlib import Path

from tests.support.markdown import ROOT
from tests.support.peers import need

__all__ = ["acting_as"]

# Where root's own home has the Python or the checkout: it may read what is there, as everybody may
# what is installed, and nothing else is as root's.
_READING = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")


def acting_as(user: pwd.struct_passwd) -> list[str]:
    """What comes before a command that is to run as a user: setpriv(1), with which it can read this
    Python, its packages and the checkout.

    Args:
        user: the user.
    """
    command = [
        need("setpriv"),
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
    ]
    needed = (Path(sys.executable), Path(os.path.realpath(sys.executable)), ROOT)
    if all(_may_enter(folder) for path in needed for folder in path.parents):
        return command
    return [*command, *_READING]


def _may_enter(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)
