"""The keys of every inbound and outbound that starts a program."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipetwist.accounts import Account, Accounts
from pipetwist.kinds.options import KindOptions
from pipetwist.process.bounds import ResourceBounds
from pipetwist.process.command import PreparedCommand, prepare_command
from pipetwist.values import Duration, Environment, FilePath, Text

__all__ = ["ProgramOptions"]


@dataclass(frozen=True, kw_only=True)
class ProgramOptions(KindOptions):
    """How a program is started, and ended."""

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

    if TYPE_CHECKING:

        @property
        def label(self) -> str:
            """What errors about it begin with; the other base of each kind has it."""

    @property
    def program(self) -> Sequence[str]:
        """The program and its arguments."""
        raise NotImplementedError

    @property
    def bounds(self) -> ResourceBounds:
        """What it may use of the machine."""
        return ResourceBounds()

    @property
    def accounts(self) -> Sequence[Account]:
        return () if self.user is None else [("user", self.user)]

    def check_here(self) -> None:
        self.prepared()
        super().check_here()

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
            bounds=self.bounds,
        )
