"""The figures in docs/performance.md: rewrites the text between its markers, and the plot beside
it.
"""

from __future__ import annotations

from pathlib import Path

from bench.measures.catalogue import MEASURES
from bench.plot import plot
from bench.processes import MeasureError
from bench.results import Results
from bench.tables import as_markdown, glance_rows, measure_rows

__all__ = ["DOCUMENT", "around_figures", "figures", "rewrite"]

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
"""Where the figures go."""
_BEGIN = "<!-- figures: `make bench` writes what follows -->"
_END = "<!-- end of figures -->"


def rewrite(document: Path, results: Results) -> None:
    """Put the results into a document, and draw them into an SVG of the same name beside it.

    Raises:
        MeasureError: the document has no place for them.
    """
    before, after = around_figures(document)
    picture = document.with_suffix(".svg")
    document.write_text(
        f"{before}{_BEGIN}\n\n{figures(results, picture.name)}\n\n{_END}{after}", encoding="utf-8"
    )
    picture.write_text(plot(results), encoding="utf-8")


def around_figures(document: Path) -> tuple[str, str]:
    """What stands before the figures in a document, and what after them.

    Raises:
        MeasureError: the document has no place for figures.
    """
    text = document.read_text(encoding="utf-8") if document.exists() else ""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        message = f"{document} needs the lines {_BEGIN} and {_END}, between which the figures go"
        raise MeasureError(message)
    return before, after


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
        f"Measured on {machine['date']} on {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}: medians of "
        f"{settings['rounds']:.0f} rounds, {settings['seconds']:g} s for each run, "
        f"{settings['idle']:.0f} idle connections.\n"
        f"Other programs used {results.disturbance:.0%} of the machine meanwhile (median). "
        f"Programs: {programs}."
    )
