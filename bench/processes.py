"""A relay's process: started in the background, waited for, ended by its id, and asked for what it
uses.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["MeasureError", "Program", "allow_many_descriptors", "cpu_seconds"]

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_DESCRIPTORS = 65_536
_PROCESS_CLOCK = 2  # CPUCLOCK_SCHED of the kernel, of a process
# Of what comes after the name in /proc/PID/stat (proc(5))
_PARENT, _CHILDREN_TIMES, _STARTED = (
    1,
    slice(13, 15),
    19,
)
# The number of a process's clock, as clock_getcpuclockid(3) makes it: it counts nanoseconds, where
# /proc counts hundredths of a second.
_CLOCK = 2


class MeasureError(Exception):
    """Something can't be measured; the text says why."""


class Program:
    """A program in the background.

    Args:
        command: its words.
        folder: its working folder, where what it says goes to a file.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._log = folder / "said.log"
        with self._log.open("wb") as said:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, cwd=folder
            )

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        """Look until the condition holds.

        Raises:
            MeasureError: it did not hold in time, or the program has ended; with the last that it
                said.
        """
        end = time.monotonic() + seconds
        while not condition():
            if self._process.poll() is not None:
                message = f"it ended with status {self._process.returncode}: {self._last_words()}"
                raise MeasureError(message)
            if time.monotonic() > end:
                message = f"waited {seconds:.0f} s for it to {what}: {self._last_words()}"
                raise MeasureError(message)
            time.sleep(0.01)

    def stop(self) -> None:
        """End it, and what it has started, and wait until it has ended."""
        family = {pid: started for pid in self.family() if (started := _started(pid))}
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        for pid, started in family.items():
            if _started(pid) == started:
                _kill(pid)

    def family(self) -> list[int]:
        """Its process and all below it."""
        children: dict[int, list[int]] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            if columns := _columns(int(folder.name)):
                children.setdefault(int(columns[_PARENT]), []).append(int(folder.name))
        found = [self._process.pid]
        for pid in found:  # grows meanwhile
            found += children.get(pid, [])
        return found

    def cpu_seconds(self) -> float:
        """CPU time, of user and system, that it and its children have used so far, with those that
        it has waited for.
        """
        return sum(map(cpu_seconds, self.family()))

    def processor_seconds(self) -> float:
        """The same for its process alone, of all its threads, to the nanosecond and not to the
        hundredth of a second.
        """
        # clock_getcpuclockid(3) has such numbers; Python asks for those of threads alone.
        return time.clock_gettime(~self._process.pid << 3 | _PROCESS_CLOCK)

    def memory(self) -> int:
        """Bytes that are resident for it and its children (VmRSS). What the kernel keeps for their
        sockets and pipes is not in it.
        """
        return sum(_resident(pid) for pid in self.family())

    def descriptors(self) -> int:
        """How many descriptors it and its children have open."""
        return sum(
            len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self.family() if _columns(pid)
        )

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].replace(f"{self._log.parent}/", "") if lines else "it said nothing"


def allow_many_descriptors() -> None:
    """Let the programs that are started have as many descriptors as may be: 4,000 connections take
    up to 24,000 of a relay.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (max(most, _DESCRIPTORS), max(most, _DESCRIPTORS))
        )
    except ValueError:  # only root may have more than the system allows
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def cpu_seconds(pid: int) -> float:
    """CPU time, of user and system, of a process and of its children that it has waited for; 0
    where it has gone.
    """
    columns = _columns(pid)
    if not columns:
        return 0.0
    of_children = sum(map(int, columns[_CHILDREN_TIMES])) / _TICKS_PER_SECOND
    try:
        return time.clock_gettime(~pid << 3 | _CLOCK) + of_children
    except OSError:
        return 0.0


def _columns(pid: int) -> list[str]:
    """What comes after the name in /proc/PID/stat; nothing if the process has gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def _started(pid: int) -> str:
    columns = _columns(pid)
    return columns[_STARTED] if columns else ""


def _resident(pid: int) -> int:
    try:
        lines = (
            Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
        )
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
