"""docs/monitoring.md, held against what is shown."""

from __future__ import annotations

import re

from prometheus_client.core import Metric
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.cause import Cause
from pipetwist.metrics.resource import registry_of
from tests.docs.document import ROOT
from tests.metrics.sources import FakeCommands, FakePipes, made_sources

__all__ = ["MetricsTest"]

_KINDS = {"info": "gauge"}  # as Prometheus's text has it


def _text() -> str:
    return (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")


def _shown() -> dict[str, Metric]:
    """Every metric that there may be, by the name that Prometheus has for it."""
    sources = made_sources(
        counted=lambda: [("user", "alice")],
        routes=lambda: {"in": ["out"]},
        strays=lambda: {"in": 0},
        commands=lambda: {"out": FakeCommands()},
        pipes=FakePipes(),
    )
    endings = {"counter": "_total", "info": "_info"}
    return {family.name + endings.get(family.type, ""): family for family in registry_of(sources).collect()}


class MetricsTest(SynchronousTestCase):
    """The tables."""

    def test_metrics(self) -> None:
        """Every metric has its row with its kind and its labels, and no other has one."""
        rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (counter|gauge|histogram) \|([^|]*)\|", _text(), re.MULTILINE)
        told = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for names, kind, labels in rows for name in re.findall(r"`(\w+)`", names)}
        shown = {
            name: (_KINDS.get(family.type, family.type), {label for sample in family.samples for label in sample.labels} - {"le"})
            for name, family in _shown().items()
        }
        self.assertEqual(told, shown)

    def test_causes(self) -> None:
        """Every cause is explained, and no other."""
        rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| [^|]+ \|$", _text().partition("### Causes")[2].partition("## ")[0], re.MULTILINE)
        self.assertEqual(sorted(re.findall(r"`(\w+)`", " ".join(rows))), sorted(cause.value for cause in Cause))
