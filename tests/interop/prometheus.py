"""A Prometheus that scrapes daemons of a test, and what it says of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.support.peers import need, start_peer
from tests.support.scratch import free_port, listens, wait_until

__all__ = ["Prometheus"]

_CONFIGURATION = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}
rule_files: {rules}
scrape_configs:
  - job_name: pipetwist
    static_configs: [{{targets: {targets}}}]
"""


class Prometheus:
    """A Prometheus of its own; the test's clean-up ends it.

    Args:
        case: the test.
        folder: where its data and its log go.
        ports: the ports on 127.0.0.1 that it scrapes.
        rules: the files of its rules.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        folder: Path,
        ports: Sequence[int],
        rules: Sequence[Path] = (),
    ) -> None:
        self._port = free_port(case)
        targets = json.dumps([f"127.0.0.1:{port}" for port in ports])
        configuration = folder / "prometheus.yml"
        configuration.write_text(
            _CONFIGURATION.format(targets=targets, rules=json.dumps([str(path) for path in rules])),
            encoding="utf-8",
        )
        start_peer(
            case,
            (
                need("prometheus"),
                f"--config.file={configuration}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
                "--log.level=warn",
            ),
            folder,
        )
        wait_until(lambda: listens(self._port) and self._is_ready(), "Prometheus to be ready")

    def query(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """What an expression is now, for each set of labels.

        Raises:
            urllib.error.HTTPError: it is no expression.
        """
        with urlopen(
            f"http://127.0.0.1:{self._port}/api/v1/query?{urlencode({'query': expression})}",
            timeout=60,
        ) as response:
            answer: Mapping[str, Any] = json.load(response)
        return {
            tuple(sorted(one["metric"].items())): float(one["value"][1])
            for one in answer["data"]["result"]
        }

    def _is_ready(self) -> bool:
        """Whether it answers queries: it listens before, and says 503 to all of them."""
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=60):
                return True
        except HTTPError:
            return False

    def value(self, expression: str) -> float | None:
        """What an expression of one figure is now; None if there is none yet."""
        (value,) = self.query(expression).values() or (None,)
        return value

    def wait_for(self, expression: str, expected: float) -> None:
        """Wait until an expression of one figure is that.

        Raises:
            AssertionError: it never was; with what it was at last.
        """
        try:
            wait_until(lambda: self.value(expression) == expected, expression)
        except TimeoutError as late:
            message = f"{late}: it was {self.value(expression)} instead of {expected}"
            raise AssertionError(message) from late
