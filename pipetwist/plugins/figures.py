"""What the metrics show of a plug-in."""

from __future__ import annotations

from operator import attrgetter

from pipetwist.kinds.figures import Figure

__all__ = ["PLUGIN_FIGURES"]

PLUGIN_FIGURES = (
    Figure(
        "pipetwist_plugin_starts",
        "Processes of the plug-in that have been started.",
        attrgetter("plugin.starts"),
        grows=True,
    ),
    Figure(
        "pipetwist_plugin_restarts",
        "Processes of the plug-in that have been started because the one before had ended.",
        attrgetter("plugin.restarts"),
        grows=True,
    ),
    Figure(
        "pipetwist_plugin_ready",
        "Whether the plug-in takes connections.",
        attrgetter("plugin.is_ready"),
    ),
    Figure(
        "pipetwist_plugin_start_seconds",
        "How long the plug-in took to be ready, at its last start.",
        attrgetter("plugin.start_seconds"),
    ),
)
"""Each reads an attribute of the ``plugin`` of the inbound or outbound."""
