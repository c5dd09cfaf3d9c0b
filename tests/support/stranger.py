"""Another user of the machine, who does what they may in a folder of theirs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from tests.support.scratch import scratch_folder

__all__ = ["STRANGER", "needs_root", "stranger_does", "strangers_folder"]

STRANGER = 65534
"""The number of a user who owns nothing here."""

needs_root = skipUnless(
    hasattr(os, "geteuid") and os.geteuid() == 0, "needs root, to act as another user as well"
)


def strangers_folder(case: SynchronousTestCase, mode: int = 0o755, owner: int = STRANGER) -> Path:
    """A folder that somebody else may write in, gone after the test.

    Args:
        case: the test.
        mode: its mode.
        owner: whose it is.
    """
    scratch = scratch_folder(case)
    scratch.chmod(0o711)
    folder = scratch / "theirs"
    folder.mkdir()
    os.chown(folder, owner, owner)
    folder.chmod(mode)
    return folder


def stranger_does(script: str, folder: Path) -> None:
    """Have the stranger run a script of the shell's in a folder.

    Raises:
        subprocess.CalledProcessError: it went wrong, for instance where the stranger has no right
            to it.
    """
    subprocess.run(
        ["sh", "-ec", script],
        cwd=folder,
        user=STRANGER,
        group=STRANGER,
        extra_groups=[],
        timeout=60,
        check=True,
    )
