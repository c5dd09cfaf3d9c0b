"""Tables of the results: rows of texts, and these rows as aligned text or as Markdown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from statistics import median

from bench.measures.measure import Measure
from bench.requirements import findings
from bench.results import Results

__all__ = ["Rows", "as_markdown", "as_text", "glance_rows", "measure_rows", "requirement_rows"]

Rows = list[list[str]]
"""A table: the headings, then a row for each relay or requirement; the first column is text, the
others are figures.
"""

OURS = "pipetwist"
_BESIDE = (OURS, "haproxy", "sing-box", "v2ray", "socat", "ncat", "stunnel")


def glance_rows(measures: Iterable[Measure], results: Results) -> Rows:
    """All measures that a peer takes part in, a row for each: the median of its first quantity, of
    pipetwist and of the peers. The better figure is the higher one where the unit is a rate.
    """
    rows = [["measure", *_BESIDE]]
    for measure in measures:
        first = measure.quantities[0]
        found = [results.summary(measure.name, relay, first.key) for relay in _BESIDE]
        if sum(one is not None for one in found) > 1:
            figures = ["" if one is None else f"{one.median:,.{first.digits}f}" for one in found]
            rows.append([f"{measure.title}, {first.title}", *figures])
    return rows


def measure_rows(measure: Measure, results: Results) -> Rows:
    """A measure's table: for each relay the median of each quantity, and of the first the spread
    and how pipetwist compares.

    It compares by the ratio of the medians, and by the median of the ratios that each round gives
    by itself. Where a machine is fast for a while and slow for a while, the second says more.
    """
    first = measure.quantities[0]
    ours = results.summary(measure.name, OURS, first.key)
    headings = [
        *(quantity.title for quantity in measure.quantities),
        f"lowest - highest {first.title}",
        f"{OURS} / this",
        "round by round",
    ]
    rows = [["relay", *headings]]
    for relay in measure.relays:
        summary = results.summary(measure.name, relay.name, first.key)
        if summary is None:
            continue
        figures = []
        for quantity in measure.quantities:
            one = results.summary(measure.name, relay.name, quantity.key)
            figures.append("" if one is None else f"{one.median:,.{quantity.digits}f}")
        spread = f"{summary.lowest:,.{first.digits}f} - {summary.highest:,.{first.digits}f}"
        ratio = (
            f"{ours.median / summary.median:.2f} x"
            if ours and summary.median and relay.name != OURS
            else ""
        )
        ratios = [
            one / other
            for one, other in results.pairs(measure.name, OURS, relay.name, first.key)
            if other
        ]
        rows.append(
            [
                relay.name,
                *figures,
                spread,
                ratio,
                f"{median(ratios):.2f} x" if ratio and ratios else "",
            ]
        )
    return rows


def requirement_rows(results: Results, measures: Collection[str]) -> Rows:
    """What must be reached, and what was, as far as these measures show it."""
    rows = [["measure", "must reach", "measured", "reached", "round by round"]]
    shown = [
        finding
        for finding in findings(results)
        if set(finding.requirement.measures) <= set(measures)
    ]
    rows += [
        [one.requirement.what, one.asked, one.measured, one.verdict, one.measured_by_round]
        for one in shown
    ]
    return rows


def as_text(title: str, rows: Rows) -> str:
    """A table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join([title, *(f"  {_aligned(row, widths)}".rstrip() for row in rows)])


def as_markdown(rows: Rows) -> str:
    """A table for a document."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---|" + "--:|" * (len(rows[0]) - 1), *lines[1:]])


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        text.rjust(width) if index else text.ljust(width)
        for index, (text, width) in enumerate(zip(row, widths, strict=True))
    )
