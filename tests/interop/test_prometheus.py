"""Prometheus itself, with the daemon's metrics and with the files that are there to be copied."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.metrics.resource import registry_of
from tests.interop.prometheus import Prometheus
from tests.support.command_line import call
from tests.support.daemon import Daemon, start_daemon
from tests.support.markdown import ROOT, blocks
from tests.support.metrics_sources import full_sources
from tests.support.peers import need
from tests.support.scratch import free_port, listens, scratch_folder, wait_until
from tests.support.terminal import commands

_FILES = ROOT / "etc" / "prometheus"
_DASHBOARD = _FILES / "grafana-dashboard.json"
_RULES = _FILES / "pipetwist.rules.yml"
_NAME = re.compile(r"(?<![\"$\w:])[a-zA-Z_][\w:]*(?![\w(])")
_OURS = re.compile(r"(pipetwist|process)_|.*:")


def _start(case: SynchronousTestCase, **stats: Any) -> tuple[Daemon, int]:
    """A daemon that echoes what alice says, and the port of its metrics."""
    port = free_port(case)
    configuration = {
        "inbounds": [
            {
                "type": "unix",
                "tag": "in",
                "path": "in.sock",
                "users": [{"name": "alice", "uid": os.getuid()}],
            }
        ],
        "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
        "experimental": {
            "v2ray_api": {
                "listen": "unix:api.sock",
                "stats": {
                    "enabled": True,
                    "inbounds": ["in"],
                    "outbounds": ["echo"],
                    "users": ["alice"],
                    **stats,
                },
            }
        },
        "metrics": {"listen": f"127.0.0.1:{port}"},
    }
    daemon = start_daemon(case, configuration)
    wait_until(lambda: listens(port), "the metrics to listen")
    return daemon, port


def _say(daemon: Daemon, size: int) -> None:
    """Have so many bytes echoed."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(daemon.folder / "in.sock"))
        client.sendall(b"x" * size)
        client.shutdown(socket.SHUT_WR)
        echoed = 0
        while chunk := client.recv(65536):
            echoed += len(chunk)
    assert echoed == size, echoed


def _promtool(*arguments: str, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [need("promtool"), *arguments], input=text, capture_output=True, timeout=60, check=False
    )


class LintTest(SynchronousTestCase):
    """The metrics as such."""

    def test_metrics(self) -> None:
        """Names, units, kinds and help are as Prometheus's guide wants them."""
        daemon, port = _start(self)
        _say(daemon, 5)
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as response:
            text: bytes = response.read()
        self.assertIn(b'tag="alice"', text)
        checked = _promtool("check", "metrics", text=text)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, b"", b""))
        spoiled = _promtool(
            "check",
            "metrics",
            text=b"# TYPE pipetwist_traffic_megabytes counter\npipetwist_traffic_megabytes 1\n",
        )
        self.assertNotEqual(spoiled.returncode, 0)


class RunningTest(SynchronousTestCase):
    """One Prometheus for two daemons. It takes its five seconds to begin, so that one is to do for
    all that is asked of it.
    """

    def test_running(self) -> None:
        """A user's bytes are summed to the byte, whoever else resets the counters, and stay when
        one of the daemons is gone.
        """
        started = [_start(self) for _ in range(2)]
        self.prometheus = Prometheus(
            self, scratch_folder(self), [port for _, port in started], [_RULES]
        )
        (first, port), (second, _) = started
        self._check_resets(
            first, f'{{instance="127.0.0.1:{port}",entity="user",tag="alice",direction="uplink"}}'
        )
        _say(second, 300_000)
        self._check_sums(372_011)
        second.stop()
        self.prometheus.wait_for("sum(up)", 1)
        self.prometheus.wait_for(
            'sum(pipetwist_traffic_bytes_total{entity="user",direction="uplink"})', 72_011
        )
        self.prometheus.wait_for(
            'tag_direction:pipetwist_user_traffic_bytes:sum{direction="uplink"}', 372_011
        )

    def _check_resets(self, daemon: Daemon, labels: str) -> None:
        """Of two who read, a panel that resets and Prometheus, both are right: each by what it has
        read in all.
        """
        carried = taken = 0
        for size in (10, 2000, 1, 70_000):
            _say(daemon, size)
            carried += size
            self.prometheus.wait_for(f"pipetwist_traffic_bytes_total{labels}", carried)
            taken += _reset(daemon)["user>>>alice>>>traffic>>>uplink"]
            self.assertEqual(taken, carried)
        self.assertEqual(_reset(daemon)["user>>>alice>>>traffic>>>uplink"], 0)
        asked = self.prometheus.value(f"timestamp(pipetwist_traffic_bytes_total{labels})")
        self.prometheus.wait_for(
            f"timestamp(pipetwist_traffic_bytes_total{labels}) > bool {asked}", 1
        )
        self.assertEqual(self.prometheus.value(f"pipetwist_traffic_bytes_total{labels}"), carried)
        self.assertEqual(
            self.prometheus.value(f"resets(pipetwist_traffic_bytes_total{labels}[5m])"), 0
        )

    def _check_sums(self, expected: int) -> None:
        """What is asked for by hand is what the rules have."""
        for direction in ("uplink", "downlink"):
            self.prometheus.wait_for(
                f'sum(pipetwist_traffic_bytes_total{{entity="user",tag="alice",direction="{direction}"}})',
                expected,
            )
            self.prometheus.wait_for(
                f'tag_direction:pipetwist_user_traffic_bytes:sum{{tag="alice",direction="{direction}"}}',
                expected,
            )
        self.prometheus.wait_for("sum(pipetwist_connections_total)", 5)
        self.prometheus.wait_for("sum(up)", 2)


def _reset(daemon: Daemon) -> dict[str, int]:
    """What the panel reads, which starts again with that."""
    status, output, errors = call(
        "stats", "--json", "--reset", "-s", f"unix:{daemon.folder / 'api.sock'}"
    )
    assert (status, errors) == (0, ""), errors
    return {stat["name"]: stat["value"] for stat in json.loads(output)["stat"]}


class FilesTest(SynchronousTestCase):
    """What is in etc/prometheus."""

    def test_configuration(self) -> None:
        """The configuration is good, and so are the files that it names."""
        checked = _promtool("check", "config", str(_FILES / "prometheus.yml"))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertIn(b"2 rule files found", checked.stdout)

    def test_what_is_commented_out(self) -> None:
        """What stands in comments there is good once it does not."""
        text = _text(_FILES / "prometheus.yml")
        whole = re.sub(r"^( *)# (?=- job_name| +[-\w]|alerting)", r"\1", text, flags=re.MULTILINE)
        self.assertEqual((whole.count("job_name:"), text.count("# - job_name:")), (2, 1))
        self.assertIn("\nalerting:\n", whole)
        path = scratch_folder(self) / "prometheus.yml"
        path.write_text(whole, encoding="utf-8")
        checked = _promtool("check", "config", "--syntax-only", str(path))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_rules(self) -> None:
        """The rules and the alerts make of made-up figures what they are to."""
        tested = _promtool("test", "rules", str(_FILES / "pipetwist.test.yml"))
        self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)

    def test_every_rule_is_tested(self) -> None:
        """Each rule and each alert stands in the tests."""
        tests = (_FILES / "pipetwist.test.yml").read_text(encoding="utf-8")
        names = [
            name
            for path in _FILES.glob("pipetwist.[ra]*.yml")
            for name in re.findall(r"- (?:record|alert): (\S+)", _text(path))
        ]
        self.assertGreater(len(names), 10)
        # What an alert is made of.
        indirect = {"instance_inbound_outbound:pipetwist_connect_failures:ratio_rate5m"}
        self.assertEqual([name for name in names if name not in tests and name not in indirect], [])

    def test_names(self) -> None:
        """Every metric that rules and alerts name is there, or is recorded by a rule."""
        expressions = list(_expressions_of_rules())
        self.assertGreater(len(expressions), 10)
        self.assertEqual(_names(expressions) - _known(), set())

    def test_expressions(self) -> None:
        """Every expression of the dashboard is one, of metrics that there are."""
        self._check_expressions(_expressions_of_dashboard())

    def test_document(self) -> None:
        """The commands of docs/monitoring.md end well in a copy of the files, and its expressions
        are of metrics that there are.
        """
        copied = scratch_folder(self) / "prometheus"
        shutil.copytree(_FILES, copied)
        shown = blocks("docs/monitoring.md")
        typed = [
            command
            for block in shown
            if block.language == "console"
            for command, _ in commands(block)
        ]
        self.assertEqual([command.split()[0] for command in typed], ["promtool", "promtool"])
        for command in typed:
            tried = subprocess.run(
                [need("promtool"), *command.split()[1:]],
                cwd=copied,
                capture_output=True,
                timeout=60,
                check=False,
            )
            self.assertEqual(tried.returncode, 0, tried.stdout + tried.stderr)
        self._check_expressions(
            [
                line
                for block in shown
                if block.language == "promql"
                for line in block.text.splitlines()
            ]
        )

    def _check_expressions(self, expressions: Sequence[str]) -> None:
        self.assertGreater(len(expressions), 0)
        self.assertEqual(_names(expressions) - _known(), set())
        # As rules, for promtool reads no expressions alone.
        rules = [
            {"record": f"test:number_{index}", "expr": expression}
            for index, expression in enumerate(expressions)
        ]
        path = scratch_folder(self) / "expressions.rules.yml"
        path.write_text(
            json.dumps({"groups": [{"name": "expressions", "rules": rules}]}), encoding="utf-8"
        )
        checked = _promtool("check", "rules", str(path))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertIn(f"{len(rules)} rules found".encode(), checked.stdout)

    def test_dashboard(self) -> None:
        """Its panels have a place each, on which no other stands, a title and a query; and its
        variables are those that it uses.
        """
        dashboard = json.loads(_text(_DASHBOARD))
        taken: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(max(x for x, _ in cells), 23)
            taken |= cells
            self.assertTrue(panel["title"])
            self.assertTrue(panel["targets"])
        self.assertEqual(
            len({panel["id"] for panel in dashboard["panels"]}), len(dashboard["panels"])
        )
        used = set(re.findall(r"\$\{?(\w+)", _text(_DASHBOARD))) - {
            "__rate_interval",
            "__range",
            "__all",
        }
        self.assertEqual(used, {variable["name"] for variable in dashboard["templating"]["list"]})


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _expressions_of_dashboard() -> list[str]:
    """The expressions of the panels, with something in the place of Grafana's variables."""
    panels = json.loads(_text(_DASHBOARD))["panels"]
    raw = [target["expr"] for panel in panels for target in panel["targets"]]
    return [
        expression.replace("$__rate_interval", "1m")
        .replace("$__range", "1h")
        .replace("$instance", ".*")
        for expression in raw
    ]


def _expressions_of_rules() -> Iterator[str]:
    """The expressions of rules and alerts."""
    for path in _FILES.glob("pipetwist.[ra]*.yml"):
        for expression, block in re.findall(
            r"^ +expr: (?:([^|\n].*)|\|\n((?: {10,}.*\n)+))", _text(path), re.MULTILINE
        ):
            yield expression or block


def _names(expressions: Sequence[str]) -> set[str]:
    """The metrics that expressions name."""
    found = {
        name
        for expression in expressions
        for name in _NAME.findall(re.sub(r'"[^"]*"', '""', expression))
        if _OURS.match(name)
    }
    assert found, expressions
    return found


def _known() -> set[str]:
    """The names of all series that a pipetwist may show, and of those that are recorded of them."""
    samples = {
        sample.name for family in registry_of(full_sources()).collect() for sample in family.samples
    }
    return samples | set(re.findall(r"- record: (\S+)", _text(_RULES)))
