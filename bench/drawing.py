"""An SVG of panels with bars, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from bench.results import Summary

__all__ = ["Bar", "Panel", "draw"]

_COLUMNS, _WIDTH, _GAP = 2, 460, 40
_LABELS, _FIGURES = 120, 90  # the room left and right of the bars
_ROW, _BAR, _HEADING = 20, 12, 46

_STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; }
.unit, .figure { fill: #57606a; }
.ours { fill: #0969da; } .variant { fill: #80b3f0; } .other { fill: #afb8c1; } .spread { stroke: #24292f; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .unit, .figure { fill: #9198a1; }
  .ours { fill: #4493f8; } .variant { fill: #1f4f8f; } .other { fill: #57606a; } .spread { stroke: #e6edf3; }
}"""  # noqa: E501  # another language's text


class Bar(NamedTuple):
    """A bar of a panel.

    Attributes:
        name: stands beside it.
        style: ``ours``, ``variant`` or ``other``.
        summary: its length, and the lowest and highest as a line across its end.
    """

    name: str
    style: str
    summary: Summary


class Panel(NamedTuple):
    """Bars with a heading in two lines.

    Attributes:
        title: the first.
        unit: the second.
        digits: of the figures, after the point.
        bars: from top to bottom.
    """

    title: str
    unit: str
    digits: int
    bars: Sequence[Bar]


def draw(panels: Sequence[Panel]) -> str:
    """Draw them in rows."""
    rows = [panels[start : start + _COLUMNS] for start in range(0, len(panels), _COLUMNS)]
    drawn, top = [], 0
    for row in rows:
        for column, panel in enumerate(row):
            drawn.append(
                f'<g transform="translate({column * (_WIDTH + _GAP)},{top})">'
                f"{''.join(_lines(panel))}</g>"
            )
        top += _HEADING + _ROW * max(len(panel.bars) for panel in row)
    width = _COLUMNS * _WIDTH + (_COLUMNS - 1) * _GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" '
        f'height="{top}" role="img">'
    )
    return "\n".join([head, f"<style>{_STYLE}</style>", *drawn, "</svg>", ""])


def _lines(panel: Panel) -> Iterator[str]:
    yield f'<text class="title" y="14">{escape(panel.title)}</text>'
    yield f'<text class="unit" y="30">{escape(panel.unit)}</text>'
    longest = max(bar.summary.highest for bar in panel.bars) or 1
    scale = (_WIDTH - _LABELS - _FIGURES) / longest
    for index, bar in enumerate(panel.bars):
        yield _bar(bar, panel.digits, scale, _HEADING - 8 + index * _ROW)


def _bar(bar: Bar, digits: int, scale: float, top: int) -> str:
    middle, base = top + _BAR / 2, top + _BAR - 2
    length, low, high = (
        _LABELS + max(0.0, figure) * scale
        for figure in (bar.summary.median, bar.summary.lowest, bar.summary.highest)
    )
    return (
        f'<text x="{_LABELS - 8}" y="{base}" text-anchor="end">{escape(bar.name)}</text>'
        f'<rect class="{bar.style}" x="{_LABELS}" y="{top}" width="{length - _LABELS:.1f}" '
        f'height="{_BAR}"/>'
        f'<line class="spread" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
        f'<text class="figure" x="{high + 6:.1f}" '
        f'y="{base}">{bar.summary.median:,.{digits}f}</text>'
    )
