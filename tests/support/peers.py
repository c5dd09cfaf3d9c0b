"""The programs that pipetwist is tried with: where they are, how they are started, and that they
end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

__all__ = ["need", "start_peer"]


def need(program: str) -> str:
    """The path of a program that a test can't do without, which may be in this Python's
    environment.

    Raises:
        SkipTest: the program is not installed.
        AssertionError: the same, where the environment variable PIPETWIST_REQUIRE_PEERS says that
            it should be.
    """
    path = shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))
    if path is not None:
        return path
    message = f"{program} is not installed"
    if os.environ.get("PIPETWIST_REQUIRE_PEERS"):
        raise AssertionError(message)
    raise SkipTest(message)


def start_peer(
    case: SynchronousTestCase, command: Sequence[str], folder: Path
) -> subprocess.Popen[bytes]:
    """Start a program in the background; the test's clean-up ends it and what it has started. What
    it says goes to a file in the folder.
    """
    with (folder / f"{Path(command[0]).name}.log").open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )

    def end() -> None:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)
        # ncat, for one, has a command for each client, which goes on without it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    case.addCleanup(end)
    return process
