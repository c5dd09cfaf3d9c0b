"""Commands of an outbound ``fork`` that a test can play: they hand their standard input and output
over, and wait to be told to exit.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.interfaces import ISpawner
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.process.spawners import ReactorSpawner
from tests.behaviour.channels import Channel, PipesChannel
from tests.behaviour.servers import Servers
from tests.support.waiting import until

__all__ = ["ForkServers", "GivenCommands", "ReactorForkServers", "ReactorGivenCommands"]

# What the command does. Most of Python is left out, so that it starts in a few milliseconds.
_SCRIPT = """\
import _socket, os, sys
control = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
control.connect(sys.argv[1])
both = (0).to_bytes(4, sys.byteorder) + (1).to_bytes(4, sys.byteorder)
control.sendmsg([os.getpid().to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, both)])
os.close(0)
os.close(1)
os._exit((control.recv(1) or b"\\0")[0])
"""


class ForkServers(Servers):
    """Commands started with posix_spawn, as on Linux they are."""

    name = "fork"
    is_seen_to_go = True
    reset = "server: the command was killed by SIGKILL"
    has_resets = True
    hears_resets = False
    half_closes = True
    can_keep_waiting = False

    def __init__(self, case: SynchronousTestCase, folder: Path) -> None:
        # A link of its own, so that the command can go while the daemon runs; Python finds its
        # library by the link's target.
        self.program = folder / "command"
        self.program.symlink_to(os.path.realpath(sys.executable))
        self.control = str(folder / "control.sock")
        self.listening = socket.socket(socket.AF_UNIX)
        case.addCleanup(self.listening.close)
        self.listening.bind(self.control)
        self.listening.setblocking(False)
        self.listening.listen(1024)

    def outbound(self, connect_timeout: float) -> OutboundOptions:
        command = (str(self.program), "-I", "-S", "-c", _SCRIPT, self.control)
        return ForkOutboundOptions(
            tag="out", command=command, connect_timeout=connect_timeout, kill_grace=1.0
        )

    def spawner(self, reactor: Any) -> ISpawner | None:
        return None

    async def accept(self) -> Channel:
        """See `Servers`: wait for the next command to hand its pipes over."""
        found: list[PipesChannel] = []
        control: list[socket.socket] = []

        def look() -> bool:
            try:
                if not control:
                    control.append(self.listening.accept()[0])
                    control[0].setblocking(False)
                said, descriptors, _, _ = socket.recv_fds(control[0], 4, 2, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return False
            stdin, stdout = descriptors
            found.append(PipesChannel(stdin, stdout, control[0], int.from_bytes(said, "big")))
            return True

        await until(look, "a command")
        return found[0]

    def refuse(self) -> str:
        self.program.unlink()
        return "No such file or directory"

    def keep_waiting(self) -> None:
        """See `Servers`: a command is there or is not."""
        raise NotImplementedError


class ReactorForkServers(ForkServers):
    """Commands started with Twisted's spawnProcess, as elsewhere."""

    name = "reactor_fork"

    def spawner(self, reactor: Any) -> ISpawner | None:
        return ReactorSpawner(reactor)


class GivenCommands(ForkServers):
    """Commands that a test gives, and that play themselves."""

    name = "given"
    _options: Mapping[str, Any]

    def give(self, *command: str, **options: Any) -> None:
        """Choose the command, and other options of the outbound."""
        self._options = {"kill_grace": 5.0, "command": command, **options}

    def outbound(self, connect_timeout: float) -> OutboundOptions:
        return ForkOutboundOptions(tag="out", connect_timeout=connect_timeout, **self._options)


class ReactorGivenCommands(GivenCommands):
    """The same, started with Twisted's spawnProcess."""

    name = "reactor_given"

    def spawner(self, reactor: Any) -> ISpawner | None:
        return ReactorSpawner(reactor)
