"""The interface of what starts commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from zope.interface import Attribute, Interface

__all__ = ["IProcess", "ISpawner"]


class IProcess(Interface):
    """A command that is the side of a connection, or will be."""

    pid: int = Attribute("Its number, which it had once it has ended.")
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
            protocol: hears of its output and its end, as Twisted's spawnProcess would tell it.
            command: the executable's path and its arguments.
            env: the whole environment.

        Raises:
            OSError: where the command can't be started.
        """

    def signal_group(transport: IProcessTransport, number: int) -> None:
        """Send a signal to every process of a command's group; one that has gone is no error."""

    def end_group(transport: IProcessTransport, grace: float, ended: Callable[[], None]) -> None:
        """End what a command that has ended has left of its group: SIGTERM, unless that was sent,
        then SIGKILL.

        Args:
            transport: what `spawn` returned.
            grace: seconds from SIGTERM to SIGKILL.
            ended: called when nobody is left, which may be at once.
        """
