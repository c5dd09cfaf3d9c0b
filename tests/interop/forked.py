"""Daemons that are forked off a process which has loaded what they load: loading it again takes
each of them half a second.

`fork_daemon` starts that process, the forge, with the first daemon; it ends with the process that
has started it. What it forks is as ``python -c "from twisted.scripts.twistd import run; run()"`` is
before it runs, and ends as Python ends. A process in between waits for it and tells how it has
ended.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

__all__ = ["ForkedProcess", "become_daemon", "fork_daemon"]

_PROGRAM = (
    "import sys; from tests.interop.forked import become_daemon; become_daemon(int(sys.argv[1])); "
    "from twisted.scripts.twistd import run; run()"
)
# What every daemon loads, and what those load that a configuration has serve the API and the
# metrics.
_LOADED = (
    *(
        "twisted.scripts.twistd",
        "twisted.internet.epollreactor",
        "pipetwist.tap",
        "pipetwist.api.service",
    ),
    *("pipetwist.metrics.resource", "pipetwist.page.resources", "pipetwist.web.service"),
)
_SMALLEST = (
    '{"inbounds": [{"type": "unix", "tag": "in", "path": "x"}], "outbounds": [{"type": "fork", '
    '"tag": "out", "command": ["x"]}]}'
)
_LONGEST = 1 << 17  # bytes of an order; the environment is most of it
_NUMBER = struct.Struct("=i")
_SECONDS = 60.0


class ForkedProcess:
    """A daemon, with what tests use of `subprocess.Popen`.

    Args:
        told: gets its process, and then how it has ended.
    """

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self.returncode: int | None = None
        """How it has ended, as Popen says it; None as long as that is not known."""
        told.settimeout(_SECONDS)
        self.pid = self._hear()
        """Its process."""

    def __repr__(self) -> str:
        state = "running" if self.returncode is None else f"ended with {self.returncode}"
        return f"<ForkedProcess {self.pid} {state}>"

    def poll(self) -> int | None:
        """How it has ended, or None."""
        return self._end_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not in so many seconds.
        """
        status = self._end_within(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(repr(self), timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _end_within(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], seconds)[0]:
            self.returncode = os.waitstatus_to_exitcode(self._hear())
            self._told.close()
        return self.returncode

    def _hear(self) -> int:
        said = self._told.recv(_NUMBER.size)
        if not said:
            message = (
                "the process that forks daemons, or the one that waits for this one, has ended"
            )
            raise AssertionError(message)
        number: int = _NUMBER.unpack(said)[0]
        return number


_forges: list[socket.socket] = []


def fork_daemon(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], output: int
) -> ForkedProcess:
    """Have a daemon forked.

    Args:
        arguments: those of twistd.
        folder: where it runs.
        environment: all of its variables; of the first daemon's are those that change how Python
            itself runs.
        output: the descriptor that it writes to.
    """
    if not _forges:
        _forges.append(_start_forge(environment))
    order = {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)}
    told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with tells, Path(os.devnull).open("rb") as nothing:
        socket.send_fds(
            _forges[0], [json.dumps(order).encode()], [nothing.fileno(), output, tells.fileno()]
        )
    return ForkedProcess(told)


def _start_forge(environment: Mapping[str, str]) -> socket.socket:
    orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-c", _PROGRAM, str(theirs.fileno())]
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            env=environment,
            pass_fds=[theirs.fileno()],
            timeout=_SECONDS,
            check=True,
        )
    atexit.register(orders.close)
    return orders


def become_daemon(orders: int) -> None:
    """Fork a daemon for each order; returns in each of them, while the forge itself ends when no
    more orders can come.

    Args:
        orders: the descriptor that they come from.
    """
    if os.fork():
        os._exit(0)  # the forge is nobody's child: tests look for children that were left
    _load()
    gc.collect()
    # so that the collector of what is forked does not write all over the memory that they share
    gc.freeze()
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
    with socket.socket(fileno=orders) as comes:
        while True:
            said, descriptors, _, _ = socket.recv_fds(comes, _LONGEST, 3)
            _reap()
            if not said:
                os._exit(0)
            if not os.fork():
                break
            for descriptor in descriptors:
                os.close(descriptor)
    nothing, output, tells = descriptors
    daemon = os.fork()
    if daemon:
        _wait_for(daemon, tells)
    signal.signal(signal.SIGINT, usual)
    for number, descriptor in enumerate((nothing, output, output)):
        os.dup2(descriptor, number)
    _close_but(0, 1, 2)
    order = json.loads(said)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    sys.argv[1:] = order["arguments"]


def _load() -> None:
    for name in _LOADED:
        import_module(name)
    # Each is slow but the first time.
    list(
        import_module("twisted.plugin").getPlugins(
            import_module("twisted.application.service").IServiceMaker
        )
    )
    import_module("pipetwist.config.reading").parse_document(_SMALLEST, Path("/"), "")
    assert "twisted.internet.reactor" not in sys.modules
    assert len(list(Path("/proc/self/task").iterdir())) == 1


def _reap() -> None:
    """Let those who have waited for a daemon go."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _wait_for(daemon: int, tells: int) -> NoReturn:
    """Tell of a daemon, and how it has ended."""
    _close_but(tells)
    os.write(tells, _NUMBER.pack(daemon))
    _, status = os.waitpid(daemon, 0)
    os.write(tells, _NUMBER.pack(status))
    os._exit(0)


def _close_but(*kept: int) -> None:
    for descriptor in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if descriptor not in kept:
            with suppress(OSError):  # the folder's own is closed already
                os.close(descriptor)
