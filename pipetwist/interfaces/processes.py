"""Interfaces of commands, and of what starts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from zope.interface import Attribute, Interface

__all__ = ["IProcess", "ISpawner"]


class IProcess(Interface):
    """A command that is a side of a connection, or waits to be one."""

    pid: int = Attribute("Its process ID; after its end, the one that it had.")
    connection: int | None = Attribute(
        "The number of its connection; None while it waits for one. The relay sets it."
    )


class ISpawner(Interface):
    """Starts commands."""

    def spawn(
        protocol: ProcessProtocol,
        command: Sequence[str],
        env: Mapping[str, str],
    ) -> IProcessTransport:
        """Start a command in a process group of its own, with pipes for standard input, output and
        error.

        Args:
            protocol: gets its output and its end, as from Twisted's spawnProcess.
            command: the executable's path and its arguments.
            env: the whole environment.

        Raises:
            OSError: the command can't be started.
        """

    def signal_group(transport: IProcessTransport, number: int) -> None:
        """Send a signal to every process of a command's group. If there is none any more, nothing
        happens.
        """

    def end_group(transport: IProcessTransport, grace: float, ended: Callable[[], None]) -> None:
        """End the processes of a command's group that are left after the command itself has ended:
        with SIGTERM, unless that was sent before, then SIGKILL.

        Args:
            transport: what `spawn` returned.
            grace: seconds from SIGTERM to SIGKILL.
            ended: called when none is left, possibly within this call.
        """
