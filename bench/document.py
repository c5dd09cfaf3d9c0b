"""The figures in docs/performance.md: rewrites the text between its markers, and the plot beside
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.marked import Marked
from bench.measures.catalogue import MEASURES
from bench.plot import plot
from bench.results import Results
from bench.tables import as_markdown, glance_rows, measure_rows

__all__ = ["DOCUMENT", "figures", "measured_on", "place_in", "rewrite"]

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
"""Where the figures go."""
_BEGIN = "<!-- figures: `make bench` writes what follows -->"
_END = "<!-- end of figures -->"


def place_in(document: Path) -> Marked:
    """The part of a document that the results go into."""
    return Marked(document, _BEGIN, _END)


def rewrite(document: Path, results: Results) -> None:
    """Put the results into a document, and draw them into an SVG of the same name beside it.

    Raises:
        MeasureError: the document has no place for them.
    """
    picture = document.with_suffix(".svg")
    place_in(document).write(figures(results, picture.name))
    picture.write_text(plot(results), encoding="utf-8")


def figures(results: Results, picture: str) -> str:
    """The results in Markdown.

    Args:
        results: of a run.
        picture: the name of the plot's file.
    """
    parts = [_conditions(results), f"![Medians of the relays beside each other]({picture})"]
    glance = glance_rows(MEASURES, results)
    parts += ["### Side by side", as_markdown(glance), "### Each measure"]
    for measure in MEASURES:
        rows = measure_rows(measure, results)
        if len(rows) > 1:
            parts += [f"**{measure.title}** (`{measure.name}`)", as_markdown(rows)]
    if results.left_out:
        parts += ["Not measured:", "\n".join(f"- {line}" for line in results.left_out)]
    return "\n\n".join(parts)


def _conditions(results: Results) -> str:
    """How the figures came about."""
    machine, settings = results.machine, results.settings
    programs = ", ".join(
        f"{name} {version}"
        for name, version in results.versions.items()
        if version and not name.startswith("pipetwist-")
    )
    return (
        f"{measured_on(machine)}: medians of {settings['rounds']:.0f} rounds, "
        f"{settings['seconds']:g} s for each run, {settings['idle']:.0f} idle connections.\n"
        f"Other programs used {results.disturbance:.0%} of the machine meanwhile (median). "
        f"Programs: {programs}."
    )


def measured_on(machine: Mapping[str, str]) -> str:
    """When and on which machine, as `bench.machine.describe` has it."""
    return (
        f"Measured on {machine['date']} on {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}"
    )
