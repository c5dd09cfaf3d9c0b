"""A daemon in a process of its own that can be asked what it has left: ``python -m
tests.support.watched_daemon FILE``.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

import pipetwist
from tests.support.scratch import listens, wait_until

__all__ = ["Watched", "main"]


class Watched:
    """The running daemon; the test's clean-up ends it.

    Args:
        case: the test.
        folder: its scratch folder, which relative paths of the configuration are relative to.
        configuration: with an inbound ``unix`` whose path is ``in.sock``.
    """

    def __init__(
        self, case: SynchronousTestCase, folder: Path, configuration: dict[str, Any]
    ) -> None:
        file = folder / "pipetwist.json"
        file.write_text(json.dumps(configuration), encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.watched_daemon", str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(pipetwist.__file__).parent.parent,
        )
        case.addCleanup(self._end)
        self._proc = Path(f"/proc/{self._process.pid}")
        wait_until(lambda: listens(folder / "in.sock"), "the daemon to listen")

    def memory(self, name: str) -> int:
        """A figure of its memory in bytes, by its name in ``/proc/PID/status``: VmRSS what it has
        now, VmHWM the most that it had.
        """
        for line in (self._proc / "status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise KeyError(name)

    def forget_peak(self) -> None:
        """Have VmHWM begin again at what it has now (proc_pid_clear_refs(5))."""
        (self._proc / "clear_refs").write_text("5", encoding="ascii")

    def children(self) -> int:
        """How many processes are children of it, ended ones that it has not waited for among
        them.
        """
        return sum(
            len((task / "children").read_text(encoding="ascii").split())
            for task in (self._proc / "task").iterdir()
        )

    def holds(self) -> dict[str, int]:
        """What it has that connections might have left: descriptors, children, timers, readers and
        writers, connections.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        said: dict[str, int] = json.loads(self._process.stdout.readline())
        return {
            **said,
            "descriptors": len(list((self._proc / "fd").iterdir())),
            "children": self.children(),
        }

    def _end(self) -> None:
        assert self._process.stdout is not None
        self._process.terminate()
        try:
            self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait(60)
            self._process.communicate()


def main(path: str) -> None:
    """Run pipetwist on a configuration, and for each line on standard input say what it holds."""
    from twisted.internet import reactor, stdio
    from twisted.protocols.basic import LineReceiver

    from pipetwist.config.reading import read_document
    from pipetwist.service.tree import PipetwistService

    running: Any = reactor
    service = PipetwistService(read_document(path), reactor)

    class Answers(LineReceiver):
        delimiter = b"\n"

        def lineReceived(self, line: bytes) -> None:
            gc.collect()
            held = {
                "timers": len(running.getDelayedCalls()),
                "selectables": len(running.getReaders()) + len(running.getWriters()),
                "connections": service.relay.open_connections,
            }
            self.sendLine(json.dumps(held).encode())

    stdio.StandardIO(Answers())
    service.startService()
    running.addSystemEventTrigger("before", "shutdown", service.stopService)
    running.run()


if __name__ == "__main__":
    main(sys.argv[1])
