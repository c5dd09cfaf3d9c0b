"""The keys of every inbound and outbound that runs a plug-in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pipetwist.accounts import Accounts
from pipetwist.errors import StartError
from pipetwist.interfaces import Medium
from pipetwist.process.bounds import ResourceBounds
from pipetwist.process.options import ProgramOptions
from pipetwist.values import Niceness, PositiveCount, Size

__all__ = ["PluginClientOptions", "PluginProcessOptions"]

_DESCRIPTORS = 4  # its input, its output, its standard error, and the process itself


@dataclass(frozen=True, kw_only=True)
class PluginProcessOptions(ProgramOptions):
    """The keys of a plug-in's process."""

    nice: Niceness | None = None
    """The program's niceness, from -20 to 19; the daemon's where absent."""
    max_memory: Size | None = None
    """How much address space it may use, such as ``"512MiB"``; no bound where absent."""
    max_descriptors: PositiveCount | None = None
    """How many file descriptors it may have open; as many as the daemon where absent."""
    half_close: bool | None = None
    """As of other kinds, but ``false`` where absent, unless it carries datagrams alone: no plug-in
    is known that carries an end of input alone.
    """

    def __post_init__(self) -> None:
        """Make ``half_close`` false where it is absent; datagrams know no such thing."""
        if self.half_close is None:
            object.__setattr__(self, "half_close", Medium.STREAM not in self.carries)
        super().__post_init__()

    @property
    def bounds(self) -> ResourceBounds:
        return ResourceBounds(self.nice, self.max_memory, self.max_descriptors)

    @property
    def reserved_descriptors(self) -> int:
        return _DESCRIPTORS

    def told(self) -> Iterator[str]:
        """Say what runs, and what the other end needs; a line for each.

        Raises:
            StartError: what it needs can't be read.
        """
        yield f"{self.label}: {' '.join(self.program)}"

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        if platform != "linux":
            # Whose a socket is only Linux says, in /proc.
            yield "type", "only Linux says whether a port is the plug-in's; run it by hand"
        yield from super().lacking(written, platform)

    def check_user(self) -> None:
        """Look whether the daemon may start a program as its user.

        Raises:
            StartError: it may not any more.
        """
        if self.user is not None and os.geteuid() != 0:
            message = (
                f"{self.label}: user: only root can start a program as {self.user!r}; leave out "
                "--uid, or user"
            )
            raise StartError(message)

    def uid(self, accounts: Accounts | None = None) -> int | None:
        """The number of the user that it runs as; None for the daemon's.

        Raises:
            StartError: there is no such user.
        """
        if self.user is None:
            return None
        return (accounts or Accounts()).user(f"{self.label}: user", self.user).pw_uid


@dataclass(frozen=True, kw_only=True)
class PluginClientOptions(PluginProcessOptions):
    """The keys of the process of an outbound's plug-in."""

    start: Literal["eager", "lazy"] = "eager"
    """``"eager"`` to start it with the daemon, ``"lazy"`` for the first connection."""
