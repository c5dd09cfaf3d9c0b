"""The plot of the results: a panel for each of the main measures and a bar for each relay."""

from __future__ import annotations

from bench.drawing import Bar, Panel, draw
from bench.measures.catalogue import MEASURES
from bench.measures.measure import Better
from bench.results import Results

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


def plot(results: Results) -> str:
    """Draw the results, as SVG."""
    panels = (_panel(name, key, results) for name, key in _PANELS)
    return draw([panel for panel in panels if panel.bars])


def _panel(name: str, key: str, results: Results) -> Panel:
    """A bar for each relay that was measured."""
    measure = next(one for one in MEASURES if one.name == name)
    quantity = next(one for one in measure.quantities if one.key == key)
    good = "more is better" if quantity.better is Better.HIGHER else "less is better"
    summaries = ((relay.name, results.summary(name, relay.name, key)) for relay in measure.relays)
    bars = [Bar(relay, _style(relay), summary) for relay, summary in summaries if summary]
    return Panel(measure.title, f"{quantity.title}, {good}", quantity.digits, bars)


def _style(relay: str) -> str:
    if relay == "pipetwist":
        return "ours"
    return "variant" if relay.startswith("pipetwist") else "other"
