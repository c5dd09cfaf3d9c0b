"""The plot of the results: an SVG with a panel for each of the main measures and a bar for each
relay, readable on light and dark pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bench.measures.catalogue import MEASURES
from bench.measures.measure import Better, Measure, Quantity
from bench.results import Results, Summary

__all__ = ["plot"]

_PANELS = (
    ("unix-stream-up", "rate"),
    ("tcp-stream-up", "rate"),
    ("tls-stream-up", "rate"),
    ("tls-rsa-full", "rate"),
    ("unix-connections", "rate"),
    ("tcp-connections", "rate"),
    ("unix-trips", "median"),
    ("fork-stream-both", "rate"),
    ("fork-connections", "rate"),
    ("unix-idle", "memory"),
    ("udp-datagrams", "rate"),
    ("udp-64-sources", "rate"),
)
"""What is drawn: a measure and one of its quantities."""

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


def plot(results: Results) -> str:
    """Draw the results."""
    panels = [lines for name, key in _PANELS if (lines := list(_panel(name, key, results)))]
    rows = [panels[start : start + _COLUMNS] for start in range(0, len(panels), _COLUMNS)]
    drawn, top = [], 0
    for row in rows:
        for column, lines in enumerate(row):
            drawn.append(
                f'<g transform="translate({column * (_WIDTH + _GAP)},{top})">{"".join(lines)}</g>'
            )
        top += _HEADING + _ROW * max(len(lines) - 2 for lines in row)
    width = _COLUMNS * _WIDTH + (_COLUMNS - 1) * _GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" '
        f'height="{top}" role="img">'
    )
    return "\n".join([head, f"<style>{_STYLE}</style>", *drawn, "</svg>", ""])


def _panel(name: str, key: str, results: Results) -> Iterator[str]:
    """A heading in two lines, and a bar for each relay that was measured; nothing if none
    was.
    """
    measure = next(one for one in MEASURES if one.name == name)
    quantity = next(one for one in measure.quantities if one.key == key)
    bars = _bars(measure, quantity, results)
    if not bars:
        return
    good = "more is better" if quantity.better is Better.HIGHER else "less is better"
    yield f'<text class="title" y="14">{escape(measure.title)}</text>'
    yield f'<text class="unit" y="30">{escape(quantity.title)}, {good}</text>'
    scale = (_WIDTH - _LABELS - _FIGURES) / (max(summary.highest for _, summary in bars) or 1)
    for index, (relay, summary) in enumerate(bars):
        yield _bar(relay, summary, quantity, scale, _HEADING - 8 + index * _ROW)


def _bars(measure: Measure, quantity: Quantity, results: Results) -> list[tuple[str, Summary]]:
    summaries = [
        (relay.name, results.summary(measure.name, relay.name, quantity.key))
        for relay in measure.relays
    ]
    return [(name, summary) for name, summary in summaries if summary]


def _bar(relay: str, summary: Summary, quantity: Quantity, scale: float, top: int) -> str:
    """One relay: its name, the median as a bar, the lowest and highest as a line across its end,
    and the figure.
    """
    middle, base = top + _BAR / 2, top + _BAR - 2
    length, low, high = (
        _LABELS + max(0.0, figure) * scale
        for figure in (summary.median, summary.lowest, summary.highest)
    )
    kind = (
        "ours" if relay == "pipetwist" else "variant" if relay.startswith("pipetwist") else "other"
    )
    return (
        f'<text x="{_LABELS - 8}" y="{base}" text-anchor="end">{escape(relay)}</text>'
        f'<rect class="{kind}" x="{_LABELS}" y="{top}" width="{length - _LABELS:.1f}" '
        f'height="{_BAR}"/>'
        f'<line class="spread" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
        f'<text class="figure" x="{high + 6:.1f}" '
        f'y="{base}">{summary.median:,.{quantity.digits}f}</text>'
    )
