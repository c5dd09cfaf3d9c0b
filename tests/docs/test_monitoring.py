"""docs/monitoring.md, held against what is shown."""

from __future__ import annotations

import re
import socket
from typing import Any
from urllib.request import urlopen

from prometheus_client.core import Metric
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.syntax import parse_json
from pipetwist.connection.cause import Cause
from pipetwist.metrics.resource import registry_of
from tests.support.daemon import start_daemon
from tests.support.markdown import ROOT, blocks
from tests.support.metrics_sources import full_sources
from tests.support.scratch import free_port

_DOCUMENT = "docs/monitoring.md"
_KINDS = {"info": "gauge"}  # as Prometheus's text has it


def _text() -> str:
    return (ROOT / _DOCUMENT).read_text(encoding="utf-8")


def _shown() -> dict[str, Metric]:
    """Every metric that there may be, by the name that Prometheus has for it."""
    endings = {"counter": "_total", "info": "_info"}
    return {
        family.name + endings.get(family.type, ""): family
        for family in registry_of(full_sources()).collect()
    }


class ExampleTest(SynchronousTestCase):
    """The configuration that is shown."""

    def test_example(self) -> None:
        """With it, and a line that was echoed, the metrics have the lines that are shown."""
        configuration, lines, *_ = (
            block.text for block in blocks(_DOCUMENT) if block.language in {"json", "text"}
        )
        document: Any = parse_json(configuration)
        port = free_port(self)
        document["metrics"]["listen"] = f"127.0.0.1:{port}"
        daemon = start_daemon(self, document)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(daemon.folder / "in.sock"))
            client.sendall(b"hello\n")
            self.assertEqual(client.recv(9), b"hello\n")
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            shown = answer.read().decode().splitlines()
        self.assertGreater(len(lines.splitlines()), 2)
        self.assertEqual([line for line in lines.splitlines() if line not in shown], [])


class MetricsTest(SynchronousTestCase):
    """The tables."""

    def test_metrics(self) -> None:
        """Every metric has its row with its kind and its labels, and no other has one."""
        rows = re.findall(
            r"^\| (`\w+`(?:, `\w+`)*) \| (counter|gauge|histogram) \|([^|]*)\|",
            _text(),
            re.MULTILINE,
        )
        told = {
            name: (kind, set(re.findall(r"`(\w+)`", labels)))
            for names, kind, labels in rows
            for name in re.findall(r"`(\w+)`", names)
        }
        shown = {
            name: (
                _KINDS.get(family.type, family.type),
                {label for sample in family.samples for label in sample.labels} - {"le"},
            )
            for name, family in _shown().items()
        }
        self.assertEqual(told, shown)

    def test_causes(self) -> None:
        """Every cause is explained, and no other."""
        rows = re.findall(
            r"^\| ((?:`\w+`(?:, )?)+) \| [^|]+ \|$",
            _text().partition("### Causes")[2].partition("## ")[0],
            re.MULTILINE,
        )
        self.assertEqual(
            sorted(re.findall(r"`(\w+)`", " ".join(rows))), sorted(cause.value for cause in Cause)
        )
