"""Gates in a program's way: it stops where it is about to import a module, says so, and goes on
when the test lets it.
"""

from __future__ import annotations

import os
import select
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.daemon import daemon_environment

__all__ = ["Gates"]

_SECONDS = 60.0
# Python imports a module of this name before it does anything else.
_SITE = """
import os
import sys

reached, opened = map(int, os.environ.pop("GATES").split(","))
modules = os.environ.pop("GATED").split(",")


class Gates:
    def find_spec(self, name, path=None, target=None):
        if name in modules:
            modules.remove(name)
            os.write(reached, name.encode() + b"\\n")
            os.read(opened, 1)


sys.meta_path.insert(0, Gates())
"""


class Gates:
    """For one program.

    Args:
        case: the test.
        folder: a scratch folder.
        modules: where it is to stop.
    """

    def __init__(self, case: SynchronousTestCase, folder: Path, modules: Sequence[str]) -> None:
        site = folder / "gates"
        site.mkdir()
        (site / "sitecustomize.py").write_text(_SITE, encoding="utf-8")
        self._said, reached = os.pipe()
        opened, self._opens = os.pipe()
        self._here = [self._said, self._opens]
        self.descriptors = [reached, opened]
        """What the program is to inherit."""
        self.environment = {
            **daemon_environment(),
            "PYTHONPATH": os.pathsep.join((str(site), daemon_environment()["PYTHONPATH"])),
            "GATES": f"{reached},{opened}",
            "GATED": ",".join(modules),
        }
        """The program's environment."""
        case.addCleanup(self._close)

    def started(self) -> None:
        """The program has its ends of the pipes."""
        while self.descriptors:
            os.close(self.descriptors.pop())

    def wait(self) -> str:
        """Wait until the program stands at a gate.

        Returns:
            The module's name; empty if the program has ended instead.

        Raises:
            TimeoutError: it does neither.
        """
        if not select.select([self._said], [], [], _SECONDS)[0]:
            message = f"waited {_SECONDS:.0f} s for the program to come to a gate"
            raise TimeoutError(message)
        return os.read(self._said, 100).decode().strip()

    def open(self) -> None:
        """Let it go on to the next gate."""
        os.write(self._opens, b"x")

    def _close(self) -> None:
        self.started()
        for descriptor in self._here:
            os.close(descriptor)
