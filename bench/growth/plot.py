"""The plot of what grows: a panel for each row, and a bar for each setup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bench.drawing import Bar, Panel, draw
from bench.results import Summary

__all__ = ["plot"]


def plot(rows: Iterable[tuple[str, str, Mapping[str, Summary]]]) -> str:
    """Draw the figures, as SVG.

    Args:
        rows: of each its title, its unit, and the figures of each setup by its name.
    """
    return draw(
        [
            Panel(
                title,
                f"{unit}, less is better",
                0 if unit == "bytes" else 1,
                [Bar(name, "ours", summary) for name, summary in figures.items()],
            )
            for title, unit, figures in rows
        ]
    )
