"""A client of a command that the test gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.behaviour.case import PairCase
from tests.behaviour.clients import UnixClients
from tests.behaviour.commands import GivenCommands, ReactorGivenCommands
from tests.behaviour.pairs import Pair
from tests.behaviour.peer import Peer
from tests.support.scratch import has_ended
from tests.support.waiting import until

__all__ = ["ALL", "OWN_GROUP", "ForkCase", "processes"]

OWN_GROUP = (
    Pair(UnixClients, GivenCommands, "kernel"),
    Pair(UnixClients, GivenCommands, "stream"),
)
ALL = (*OWN_GROUP, Pair(UnixClients, ReactorGivenCommands, "stream"))


class ForkCase(PairCase):
    """A client of a command that the test gives."""

    servers: GivenCommands

    async def run_command(self, *command: str, **options: object) -> Peer:
        """Start pipetwist in front of a command, and connect a client."""
        self.servers.give(*command, **options)
        await self.begin()
        return await self.client()

    async def run_script(self, script: str, **options: object) -> Peer:
        """Start pipetwist in front of a script for sh, and connect a client."""
        return await self.run_command("sh", "-c", script, **options)

    async def pids(self, client: Peer, count: int) -> list[int]:
        """Wait until the command has said so many numbers of processes, one a line; none of them is
        left when the test ends.
        """
        await until(lambda: client.received.count(b"\n") >= count, f"{count} numbers of processes")
        return [int(line) for line in client.received.split()[:count]]

    async def gone(self, pids: Sequence[int]) -> None:
        """Wait until these processes have ended."""
        await until(lambda: all(map(has_ended, pids)), f"the end of {pids}")

    async def nothing_left(self) -> None:
        """Wait until the outbound knows of no command any more, and check that none is left."""
        await until(
            lambda: not self.service.outbounds["out"].processes, "the end of the last command"
        )
        self.assertEqual(processes(), [])


def processes() -> list[int]:
    """The processes that are children of this one, ended ones that nobody has waited for among
    them.
    """
    return [
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]
