"""The outbound ``fork``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pipetwist.outbounds.options import OutboundOptions
from pipetwist.values import Command, Duration, Environment, FilePath, PositiveCount, Text

__all__ = ["ForkOutbound", "ForkOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class ForkOutboundOptions(OutboundOptions):
    """An outbound to the standard input and output of a command started for each connection."""

    type: Literal["fork"] = "fork"
    """Always ``fork``."""
    command: Command
    """The command and its arguments; no shell reads them. A command with a ``/`` is relative to the configuration's folder, others are looked up in PATH."""
    env: Environment = field(default_factory=dict)
    """Variables for the command, over PATH, HOME, LANG and the like."""
    inherit_env: bool = False
    """Gives the command all of the daemon's environment."""
    cwd: FilePath | None = None
    """The folder that the command starts in; the daemon's where absent."""
    user: Text | None = None
    """The system's user that the command runs as; the daemon must run as root."""
    kill_grace: Duration = 5.0
    """How long a command may take to end after SIGTERM, before SIGKILL. ``"5s"`` where absent."""
    max_processes: PositiveCount | None = None
    """How many may run at once; a connection beyond that is closed. No bound where absent."""


class ForkOutbound:
    """Stand-in until the next step."""

    Options: ClassVar[type[OutboundOptions]] = ForkOutboundOptions
