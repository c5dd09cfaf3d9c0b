"""What the metrics show of a plug-in."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from pipetwist.kinds.figures import Figure

__all__ = ["INBOUND_PLUGIN_FIGURES", "OUTBOUND_PLUGIN_FIGURES"]


def _figures(noun: str) -> Sequence[Figure]:
    return (
        Figure(
            f"pipetwist_{noun}_plugin_starts",
            "Processes of the plug-in that have been started.",
            attrgetter("plugin.starts"),
            grows=True,
        ),
        Figure(
            f"pipetwist_{noun}_plugin_restarts",
            "Processes of the plug-in that have been started after another one had ended.",
            attrgetter("plugin.restarts"),
            grows=True,
        ),
        Figure(
            f"pipetwist_{noun}_plugin_ready",
            "Whether the plug-in takes connections.",
            attrgetter("plugin.is_ready"),
        ),
        Figure(
            f"pipetwist_{noun}_plugin_start_seconds",
            "How long the plug-in took to be ready, at its last start.",
            attrgetter("plugin.start_seconds"),
        ),
    )


INBOUND_PLUGIN_FIGURES = _figures("inbound")
"""Each reads an attribute of the ``plugin`` of the inbound."""
OUTBOUND_PLUGIN_FIGURES = _figures("outbound")
"""The same of the outbound."""
