"""What is made of the samples: medians, ratios, verdicts, tables, the document and the plot."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from twisted.trial.unittest import SynchronousTestCase

from bench.document import rewrite
from bench.measures.catalogue import MEASURES, RELAYS
from bench.processes import MeasureError
from bench.requirements import REQUIREMENTS, findings
from bench.results import Results, Sample
from bench.tables import measure_rows

_MACHINE = {"date": "2026-01-02", "processor": "abacus", "cores": "2", "system": "Linux 6.1"}


def _results(figures: dict[tuple[str, str, str], list[float]]) -> Results:
    """Results with these figures for a measure, a relay and a quantity, one for each round."""
    results = Results(_MACHINE, {"haproxy": "2.6"}, {"rounds": 3, "seconds": 1, "idle": 4000})
    for (measure, relay, quantity), values in figures.items():
        results.samples += [
            Sample(measure, relay, number, {quantity: value}, 0.0)
            for number, value in enumerate(values, 1)
        ]
    return results


def _verdicts(
    figures: dict[tuple[str, str, str], list[float]], against: str
) -> list[tuple[str, str]]:
    found = [
        finding for finding in findings(_results(figures)) if finding.requirement.against == against
    ]
    return [(finding.measured, finding.verdict) for finding in found if finding.reached is not None]


class ResultsTest(SynchronousTestCase):
    """Samples and their medians."""

    def test_median(self) -> None:
        """One wild round does not move the figure."""
        summary = _results({("unix-trips", "socat", "rate"): [5.0, 900.0, 7.0]}).summary(
            "unix-trips", "socat", "rate"
        )
        assert summary is not None
        self.assertEqual((summary.median, summary.lowest, summary.highest), (7.0, 5.0, 900.0))

    def test_file(self) -> None:
        """What was written is read again as it was."""
        results, path = _results({("unix-trips", "socat", "rate"): [5.0]}), Path(self.mktemp())
        results.write(path)
        self.assertEqual(Results.read(path), results)

    def test_rows(self) -> None:
        """A table says of each relay how many times its figure ours is, by the medians and round by
        round.
        """
        measure = next(measure for measure in MEASURES if measure.name == "unix-stream-up")
        ours, theirs = (
            ("unix-stream-up", "pipetwist", "rate"),
            ("unix-stream-up", "haproxy", "rate"),
        )
        results = _results({ours: [4.0, 9.0, 6.0], theirs: [1.0, 3.0, 12.0]})
        rows = measure_rows(measure, results)
        self.assertEqual([(row[0], row[1], *row[-3:]) for row in rows[1:]], [
            ("pipetwist", "6.00", "4.00 - 9.00", "", ""),
            ("haproxy", "3.00", "1.00 - 12.00", "2.00 x", "3.00 x"),
        ])  # fmt: skip


class RequirementsTest(SynchronousTestCase):
    """What must be reached."""

    def test_names(self) -> None:
        """Every requirement speaks of measures, quantities and relays that there are."""
        quantities = {
            measure.name: {quantity.key for quantity in measure.quantities} for measure in MEASURES
        }
        taken_of = {measure.name: {relay.name for relay in measure.relays} for measure in MEASURES}
        for requirement in REQUIREMENTS:
            for measure in requirement.measures:
                self.assertIn(requirement.quantity, quantities[measure])
                self.assertTrue(
                    {requirement.of, requirement.against} <= taken_of[measure], requirement
                )
        self.assertEqual(len({relay.name for relay in RELAYS}), len(RELAYS))

    def test_every_measure_must_hold(self) -> None:
        """A requirement over two measures is reached when it holds in both."""
        ours = {(f"unix-stream-{way}", "pipetwist", "rate"): [6.0] for way in ("up", "down")}
        direct = {
            ("unix-stream-up", "direct", "rate"): [8.0],
            ("unix-stream-down", "direct", "rate"): [6.0],
        }
        self.assertEqual(_verdicts(ours | direct, "direct"), [("0.75 x, 1.00 x", "yes")])
        direct["unix-stream-down", "direct", "rate"] = [10.0]
        self.assertEqual(_verdicts(ours | direct, "direct"), [("0.75 x, 0.60 x", "no")])

    def test_not_measured(self) -> None:
        """Without one of its figures a requirement has no verdict."""
        self.assertEqual(
            _verdicts(
                {
                    ("unix-stream-up", "pipetwist", "rate"): [6.0],
                    ("unix-stream-up", "direct", "rate"): [8.0],
                },
                "direct",
            ),
            [],
        )

    def test_at_most(self) -> None:
        """A latency is reached when it is low."""
        figures = {
            ("unix-trips", "pipetwist", "median"): [9.1],
            ("unix-trips", "haproxy", "median"): [10.0],
        }
        self.assertEqual(_verdicts(figures, "haproxy"), [("0.91 x", "no")])
        figures["unix-trips", "pipetwist", "median"] = [8.9]
        self.assertEqual(_verdicts(figures, "haproxy"), [("0.89 x", "yes")])

    def test_memory(self) -> None:
        """Memory is compared by the difference, also with a relay that takes none."""
        figures = {
            ("unix-idle", "pipetwist", "memory"): [1.1],
            ("unix-idle", "haproxy", "memory"): [0.0],
        }
        self.assertEqual(_verdicts(figures, "haproxy"), [("+1.10 KB", "no")])
        figures["unix-idle", "haproxy", "memory"] = [0.5]
        self.assertEqual(_verdicts(figures, "haproxy"), [("+0.60 KB", "yes")])

    def test_apart_round_by_round(self) -> None:
        """A machine that gets faster between the rounds does not make counting cost anything, and
        one that is steady hides nothing.
        """
        figures: dict[tuple[str, str, str], list[float]] = {}
        for what in ("stream", "connections", "trips"):
            figures[f"counting-{what}", "pipetwist", "rate"] = [100.0, 100.0, 200.0]
            figures[f"counting-{what}", "pipetwist-counting", "rate"] = [100.0, 199.0, 200.0]
        figures["counting-trips", "pipetwist-counting", "rate"] = [90.0, 90.0, 180.0]
        (finding,) = (
            finding
            for finding in findings(_results(figures))
            if finding.requirement.of == "pipetwist-counting"
        )
        self.assertEqual(
            (finding.measured_by_round, finding.verdict), ("+0.0%, +0.0%, -10.0%", "no")
        )
        figures["counting-trips", "pipetwist-counting", "rate"] = [99.0, 99.0, 198.0]
        self.assertEqual(_verdicts(figures, "pipetwist"), [("+99.0%, +99.0%, -1.0%", "yes")])

    def test_logging(self) -> None:
        """What a line in the log may cost is told in microseconds, by what each round says."""
        figures = {
            ("logging", "pipetwist", "cpu"): [50.0, 50.0, 100.0],
            ("logging", "pipetwist-info", "cpu"): [59.5, 90.0, 109.5],
            ("logging", "pipetwist-info-json", "cpu"): [61.0, 61.0, 111.0],
        }
        found = [
            (finding.measured_by_round, finding.verdict)
            for finding in findings(_results(figures))
            if finding.requirement.measures == ("logging",)
        ]
        self.assertEqual(found, [("+9.5 µs", "yes"), ("", "-"), ("+11.0 µs", "no")])

    def test_apart(self) -> None:
        """Counting may differ neither way."""
        for rate, expected in (
            (97.9, ("-2.1%", "no")),
            (102.1, ("+2.1%", "no")),
            (98.1, ("-1.9%", "yes")),
        ):
            figures: dict[tuple[str, str, str], list[float]] = {}
            for what in ("stream", "connections", "trips"):
                figures[f"counting-{what}", "pipetwist", "rate"] = [100.0]
                figures[f"counting-{what}", "pipetwist-counting", "rate"] = [rate]
            measured, verdict = expected
            self.assertEqual(
                _verdicts(figures, "pipetwist"), [(", ".join([measured] * 3), verdict)]
            )


class DocumentTest(SynchronousTestCase):
    """The document and the plot."""

    def setUp(self) -> None:
        """Name a document, and have some figures."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.document = folder / "performance.md"
        self.results = _results(
            {("unix-stream-up", name, "rate"): [2.0, 3.0, 4.0] for name in ("pipetwist", "haproxy")}
        )

    def test_rewriting(self) -> None:
        """What stands around the figures stays, and writing them again changes nothing."""
        begin, end = "<!-- figures: `make bench` writes what follows -->", "<!-- end of figures -->"
        self.document.write_text(
            f"Before.\n{begin}\nold figures\n{end}\nAfter.\n", encoding="utf-8"
        )
        rewrite(self.document, self.results)
        text = self.document.read_text(encoding="utf-8")
        self.assertTrue(text.startswith(f"Before.\n{begin}\n"))
        self.assertTrue(text.endswith(f"\n{end}\nAfter.\n"))
        self.assertNotIn("old figures", text)
        self.assertIn("| haproxy | 3.00 |  | 2.00 - 4.00 | 1.00 x | 1.00 x |\n", text)
        self.assertIn("| unix to unix, one stream, up, GB/s | 3.00 | 3.00 |  |  |  |  |  |\n", text)
        rewrite(self.document, self.results)
        self.assertEqual(self.document.read_text(encoding="utf-8"), text)

    def test_no_place(self) -> None:
        """A document without the markers is not touched."""
        self.document.write_text("Nothing.\n", encoding="utf-8")
        self.assertRaises(MeasureError, rewrite, self.document, self.results)
        self.assertEqual(self.document.read_text(encoding="utf-8"), "Nothing.\n")

    def test_plot(self) -> None:
        """The plot is well-formed, has the relays' names and figures, and leaves room for a figure
        beside the longest bar.
        """
        begin, end = "<!-- figures: `make bench` writes what follows -->", "<!-- end of figures -->"
        self.document.write_text(f"{begin}\n{end}\n", encoding="utf-8")
        rewrite(self.document, self.results)
        picture = ET.fromstring(self.document.with_suffix(".svg").read_text(encoding="utf-8"))
        texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
        self.assertEqual(
            [text for text in texts if text in {"pipetwist", "haproxy", "3.00"}],
            ["pipetwist", "3.00", "haproxy", "3.00"],
        )
        ends = [
            float(line.attrib["x2"]) for line in picture.iter("{http://www.w3.org/2000/svg}line")
        ]
        self.assertEqual(ends, [370.0, 370.0])  # of a panel 460 wide
