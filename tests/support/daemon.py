"""A pipetwist daemon in a process of its own, started from a configuration and stopped by a
signal.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

import pipetwist
from tests.interop.forked import ForkedProcess, fork_daemon
from tests.support.scratch import accepts, listens, receives, scratch_folder, wait_until

__all__ = [
    "FOREGROUND",
    "TWIST",
    "TWISTD",
    "Configuration",
    "Daemon",
    "daemon_environment",
    "run_to_end",
    "start_daemon",
    "write_configuration",
]

Configuration = Mapping[str, Any]

TWISTD = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()")
"""The command twistd of the Python that runs the tests."""
FOREGROUND = (*TWISTD, "-n", "--pidfile=")
"""The same in the foreground, whatever a pidfile says."""
TWIST = (sys.executable, "-m", "twisted")
"""The command twist of the Python that runs the tests."""

# twist exits, twistd ends by the signal after its clean shutdown.
_STOPPED_BY_SIGTERM = (
    0,
    -signal.SIGTERM,
)


class Daemon:
    """A running daemon.

    Args:
        process: the daemon, in the foreground.
        folder: its scratch folder.
        log: the file that its output goes to.
    """

    def __init__(
        self, process: subprocess.Popen[bytes] | ForkedProcess, folder: Path, log: Path
    ) -> None:
        self.process = process
        self.folder = folder
        self._log = log

    @property
    def pid(self) -> int:
        """The daemon's process."""
        return self.process.pid

    @property
    def log(self) -> str:
        """Everything that it has said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def stop(self, seconds: float = 60.0) -> None:
        """Ask the daemon to stop, as systemd does, and wait until it has.

        Raises:
            AssertionError: it did not stop in time, or not cleanly.
        """
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired as late:
            message = f"the daemon did not stop within {seconds:.0f} s; it said:\n{self.log}"
            raise AssertionError(message) from late
        if status not in _STOPPED_BY_SIGTERM:
            message = f"the daemon stopped with status {status}; it said:\n{self.log}"
            raise AssertionError(message)

    def kill(self) -> None:
        """End the daemon without giving it a chance to clean up, as a crash does."""
        self.process.kill()
        self.process.wait(60)

    def _end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


def start_daemon(
    case: SynchronousTestCase,
    configuration: Configuration,
    *,
    folder: Path | None = None,
    command: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    output: int | None = None,
) -> Daemon:
    """Start a daemon and wait until it accepts connections; the test's clean-up ends it.

    Args:
        case: the test.
        configuration: the configuration's document.
        folder: where the configuration goes, and what relative paths in it are relative to; a new
            scratch folder where absent.
        command: what runs the plugin; the plugin's name and options come after it. Where neither
            this nor what it would inherit is given, twistd is not started again but forked, see
            `tests.interop.forked`: name `FOREGROUND` where the start itself is tried.
        environment: variables over this process's own.
        pass_fds: descriptors that the daemon inherits.
        output: where it writes, in the place of the file that its log is read from.

    Raises:
        AssertionError: the daemon ended or does not accept; with what it said.
    """
    folder = folder or scratch_folder(case)
    path = write_configuration(folder, configuration)
    log = folder / "daemon.log"
    plugin = ["pipetwist", "--config", str(path)]
    variables = {**daemon_environment(), **(environment or {})}
    process: subprocess.Popen[bytes] | ForkedProcess
    with log.open("ab") as file:
        writes = file.fileno() if output is None else output
        if command is None and environment is None and not pass_fds:
            process = fork_daemon([*FOREGROUND[len(TWISTD) :], *plugin], folder, variables, writes)
        else:
            process = subprocess.Popen(
                [*(command or FOREGROUND), *plugin],
                stdin=subprocess.DEVNULL,
                stdout=writes,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=variables,
                pass_fds=pass_fds,
            )
    daemon = Daemon(process, folder, log)
    case.addCleanup(daemon._end)
    try:
        wait_until(
            lambda: process.poll() is not None or _is_ready(folder, configuration),
            "the daemon to listen",
        )
    except TimeoutError as late:
        message = f"{late}; the daemon said:\n{daemon.log}"
        raise AssertionError(message) from late
    if process.poll() is not None:
        message = f"the daemon ended with status {process.returncode}; it said:\n{daemon.log}"
        raise AssertionError(message)
    return daemon


def run_to_end(
    folder: Path, command: Sequence[str], seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a command that is to end by itself, in the daemon's environment, and take what it
    says.
    """
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=folder,
        env=daemon_environment(),
        timeout=seconds,
        check=False,
    )


def write_configuration(folder: Path, configuration: Configuration) -> Path:
    """Write the configuration's file into the folder."""
    path = folder / "pipetwist.json"
    path.write_text(json.dumps(configuration, indent=2), encoding="utf-8")
    return path


def daemon_environment() -> dict[str, str]:
    """This process's environment, with the pipetwist that is under test found first."""
    root = str(Path(pipetwist.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": root, "PYTHONUNBUFFERED": "1"}


def _is_ready(folder: Path, configuration: Configuration) -> bool:
    """Whether a daemon of this configuration listens everywhere, but for inbounds of endpoint
    strings, which only Twisted can read.
    """
    for inbound in configuration["inbounds"]:
        if inbound["type"] == "unix" and not listens(folder / inbound["path"]):
            return False
        if inbound["type"] == "tcp" and not listens(inbound["listen_port"]):
            return False
        if inbound["type"] == "unixgram" and not receives(folder / inbound["path"]):
            return False
        if inbound["type"] == "udp" and not receives(inbound["listen_port"]):
            return False
    listen: str | None = configuration.get("experimental", {}).get("v2ray_api", {}).get("listen")
    if listen is None:
        return True
    scheme, _, rest = listen.rpartition(":")
    return accepts(folder / rest) if scheme == "unix" else listens(int(rest))
