"""The keys of every inbound and outbound that runs a plug-in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pipetwist.accounts import Account, Accounts
from pipetwist.errors import StartError
from pipetwist.interfaces import Medium
from pipetwist.kinds.options import KindOptions
from pipetwist.process.bounds import ResourceBounds
from pipetwist.process.command import PreparedCommand, prepare_command
from pipetwist.values import (
    Duration,
    Environment,
    FilePath,
    Niceness,
    PositiveCount,
    Size,
    Text,
)

__all__ = ["PluginClientOptions", "PluginProcessOptions"]

_DESCRIPTORS = 4  # its input, its output, its standard error, and the process itself


@dataclass(frozen=True, kw_only=True)
class PluginProcessOptions(KindOptions):
    """The keys of a plug-in's process."""

    env: Environment = field(default_factory=dict)
    """Variables for the program, over PATH, HOME, LANG and the like."""
    inherit_env: bool = False
    """Gives the program all of the daemon's environment."""
    cwd: FilePath | None = None
    """The folder that the program starts in; by default the daemon's."""
    user: Text | None = None
    """The system's user that the program runs as; the daemon must be root, and stay it."""
    kill_grace: Duration = 5.0
    """How long the program may take to end after SIGTERM, before SIGKILL. ``"5s"`` where absent."""
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

    if TYPE_CHECKING:

        @property
        def label(self) -> str:
            """What errors about it begin with; the other base of each kind has it."""

    def __post_init__(self) -> None:
        """Make ``half_close`` false where it is absent; datagrams know no such thing."""
        if self.half_close is None:
            object.__setattr__(self, "half_close", Medium.STREAM not in self.carries)
        super().__post_init__()

    @property
    def program(self) -> Sequence[str]:
        """The program and its arguments."""
        raise NotImplementedError

    @property
    def reserved_descriptors(self) -> int:
        return _DESCRIPTORS

    @property
    def accounts(self) -> Sequence[Account]:
        return () if self.user is None else [("user", self.user)]

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

    def check_here(self) -> None:
        self.prepared()
        super().check_here()

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

    def prepared(self, accounts: Accounts | None = None) -> PreparedCommand:
        """The program with its environment.

        Args:
            accounts: finds its user; None to ask the system.

        Raises:
            StartError: it can't be started by this user.
        """
        return prepare_command(
            self.label,
            self.program,
            env=self.env,
            inherit_env=self.inherit_env,
            cwd=self.cwd,
            user=self.user,
            ours=os.environ,
            accounts=accounts,
            bounds=ResourceBounds(self.nice, self.max_memory, self.max_descriptors),
        )


@dataclass(frozen=True, kw_only=True)
class PluginClientOptions(PluginProcessOptions):
    """The keys of the process of an outbound's plug-in."""

    start: Literal["eager", "lazy"] = "eager"
    """``"eager"`` to start it with the daemon, ``"lazy"`` for the first connection."""
