"""Debian's v2ctl against the service, over TCP and over a unix socket."""

from __future__ import annotations

import re
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.support.api_server import counted, start_api, target_of
from tests.support.peers import need
from tests.support.scratch import scratch_folder

_UPLINK = "inbound>>>in>>>traffic>>>uplink"
_DOWNLINK = "inbound>>>in>>>traffic>>>downlink"
_ALICE = "user>>>alice>>>traffic>>>uplink"


class V2ctlTest(SynchronousTestCase):
    """V2Ray's own tool makes each of its calls."""

    def setUp(self) -> None:
        """Serve three counters."""
        self.v2ctl = need("v2ctl")
        self.store = counted({_UPLINK: 10, _DOWNLINK: 0, _ALICE: 2**40})
        self.target = target_of(start_api(self, self.store, listen=self.listen()))

    def listen(self) -> str:
        """Where the service is to listen."""
        return "127.0.0.1:0"

    def run_v2ctl(self, method: str, request: str) -> subprocess.CompletedProcess[str]:
        """Make a call."""
        command = [self.v2ctl, "api", f"--server={self.target}", f"StatsService.{method}", request]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def stats(self, method: str, request: str) -> list[tuple[str, int]]:
        """Make a call, and read the names and values that it prints; V2Ray prints no value that is
        0.
        """
        outcome = self.run_v2ctl(method, request)
        self.assertEqual(outcome.returncode, 0, outcome)
        return [
            (name, int(value or 0))
            for name, value in re.findall(
                r'name: "([^"]*)"\n(?:\s*value: ([0-9]+))?', outcome.stdout
            )
        ]

    def test_get_stats(self) -> None:
        """GetStats gives a counter; with reset it gives it once more, and the counter goes on from
        0.
        """
        self.assertEqual(self.stats("GetStats", f'name: "{_UPLINK}"'), [(_UPLINK, 10)])
        self.assertEqual(self.stats("GetStats", f'name: "{_UPLINK}" reset: true'), [(_UPLINK, 10)])
        self.store.counter(_UPLINK).add(4)
        self.assertEqual(self.stats("GetStats", f'name: "{_UPLINK}" reset: false'), [(_UPLINK, 4)])

    def test_get_stats_unknown(self) -> None:
        """GetStats of a name that is not there fails with the text that every server gives."""
        outcome = self.run_v2ctl("GetStats", 'name: "nope"')
        self.assertNotEqual(outcome.returncode, 0)
        self.assertIn("nope not found.", outcome.stderr)

    def test_query_stats(self) -> None:
        """QueryStats gives what matches; with reset only that goes on from 0."""
        everything = [(_DOWNLINK, 0), (_UPLINK, 10), (_ALICE, 2**40)]
        self.assertEqual(self.stats("QueryStats", 'pattern: "" reset: false'), everything)
        self.assertEqual(
            self.stats("QueryStats", 'pattern: "user>>>" reset: true'), [(_ALICE, 2**40)]
        )
        self.assertEqual(self.stats("QueryStats", ""), [(_DOWNLINK, 0), (_UPLINK, 10), (_ALICE, 0)])

    def test_get_sys_stats(self) -> None:
        """GetSysStats gives figures of the process."""
        outcome = self.run_v2ctl("GetSysStats", "")
        self.assertEqual(outcome.returncode, 0, outcome)
        figures = {
            name: int(value)
            for name, value in re.findall(r"^(\w+): ([0-9]+)$", outcome.stdout, re.MULTILINE)
        }
        self.assertLessEqual(
            {"NumGoroutine", "NumGC", "Alloc", "Sys", "LiveObjects"}, figures.keys()
        )
        self.assertGreater(figures["Alloc"], 1024 * 1024)


class V2ctlOnUnixTest(V2ctlTest):
    """The same over a unix socket."""

    def listen(self) -> str:
        """Where the service is to listen."""
        return f"unix:{scratch_folder(self)}/api.sock"
