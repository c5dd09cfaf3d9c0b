"""What the metrics show of an outbound's commands."""

from __future__ import annotations

from operator import attrgetter

from pipetwist.kinds.figures import Figure

__all__ = ["COMMAND_FIGURES"]

COMMAND_FIGURES = (
    Figure(
        "pipetwist_commands_running",
        "Commands that have not ended yet.",
        attrgetter("processes"),
    ),
    Figure(
        "pipetwist_commands_ready",
        "Commands that wait for a connection, started ahead.",
        attrgetter("ready"),
    ),
    Figure(
        "pipetwist_commands_started",
        "Commands that have been started.",
        attrgetter("started"),
        grows=True,
    ),
)
"""Each reads an attribute of the outbound's."""
