"""``kill -9`` of a daemon at random moments while traffic flows: what it had counted is what the
ends saw.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.storage.offline import read_counters
from tests.interop.ends import LARGEST, Counts, Ends
from tests.support.daemon import daemon_environment, start_daemon, write_configuration
from tests.support.scratch import scratch_folder, wait_until

_KILLS = 100
_ONE_CALL = 1 << 20  # bytes; what is spliced in one call
_NAMES = ("inbound>>>in", "outbound>>>out", "user>>>me")
_CONFIGURATION = {
    "log": {"level": "warn"},
    "inbounds": [
        {
            "type": "unix",
            "tag": "in",
            "path": "in.sock",
            "users": [{"name": "me", "uid": os.getuid()}],
        }
    ],
    "outbounds": [{"type": "unix", "tag": "out", "path": "out.sock"}],
    "experimental": {
        "v2ray_api": {
            "stats": {
                "enabled": True,
                "inbounds": ["in"],
                "outbounds": ["out"],
                "users": ["me"],
                "store": "counters.db",
                "sync_interval": "20ms",
            }
        },
    },
}


_NOTHING = dict.fromkeys(("uplink", "downlink"), dict.fromkeys(_NAMES, 0))


class Nursery:
    """Daemons that are started quickly; see `tests.interop.nursery`.

    Args:
        case: the test, whose clean-up ends it.
        folder: where the configuration goes.
    """

    def __init__(self, case: SynchronousTestCase, folder: Path) -> None:
        path = write_configuration(folder, _CONFIGURATION)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.interop.nursery", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=daemon_environment(),
        )
        case.addCleanup(self._process.__exit__, None, None, None)
        case.addCleanup(self._process.kill)

    def start(self) -> Callable[[], None]:
        """Start a daemon, and wait until it listens.

        Returns:
            What kills it, and waits until it has ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        pid = int(self._said())

        def kill() -> None:
            os.kill(pid, signal.SIGKILL)
            assert not self._said().strip()

        return kill

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class KillingTest(SynchronousTestCase):
    """Daemons that are killed one after another, on one file."""

    def setUp(self) -> None:
        """Choose the folder, and start the ends."""
        self.folder = scratch_folder(self)
        self.file = self.folder / "counters.db"
        self.choose = random.Random(20261122)
        self.ends = Ends(self, self.folder, self.choose)
        self.before = _NOTHING
        self.seen: list[tuple[Counts, dict[str, list[int]]]] = []

    def test_kills(self) -> None:
        """After each of a hundred kills the file has what the ends saw, but for the one call that
        the kill fell on, and a start goes on.
        """
        nursery = Nursery(self, self.folder)
        for number in range(_KILLS):
            kill = (
                nursery.start()
                if number % 20
                else start_daemon(self, _CONFIGURATION, folder=self.folder).kill
            )
            self.traffic(number)
            kill()
            self.compare(self.ends.wait())
        last = read_counters(self.file)
        start_daemon(self, _CONFIGURATION, folder=self.folder).stop()
        self.assertEqual(read_counters(self.file), last)
        self.assertEqual(len(self.seen), _KILLS)
        self.assertGreater(last[0].total, _KILLS * LARGEST)

    def test_settled(self) -> None:
        """A kill after traffic that has finished takes nothing of it away: every figure is what the
        ends saw, to the byte.
        """
        nursery = Nursery(self, self.folder)
        for _ in range(10):
            kill = nursery.start()
            self.ends.start(finishing=4)
            seen = self.ends.wait()
            kill()
            self.compare(seen)
            self.assertEqual(
                (seen.finished, seen.arrived, seen.answered), (4, seen.sent, seen.sent)
            )
            self.assertEqual(
                self.seen[-1][1], {"uplink": [seen.sent] * 3, "downlink": [seen.sent] * 3}
            )

    def traffic(self, number: int) -> None:
        """Let traffic flow up to a random byte, and what a glance at it takes."""
        talking, streaming = ((4, 0), (1, 0), (3, 1), (0, 2))[number % 4]
        self.ends.start(talking=talking, streaming=streaming)
        enough = self.choose.randrange(1, 4 * LARGEST)
        wait_until(lambda: self.ends.counts.answered >= enough, f"{enough} bytes of answers")

    def compare(self, seen: Counts) -> None:
        """What was counted in this round is what the ends saw of it."""
        now = _totals(self.file)
        counted = {way: [now[way][name] - self.before[way][name] for name in _NAMES] for way in now}
        self.before = now
        self.seen.append((seen, counted))
        # It counts what it has read before it sends it on.
        for count in counted["uplink"]:
            self.assertLessEqual(seen.arrived, count)
            self.assertLessEqual(count, seen.sent)
        # It counts what it has delivered after the system has taken it: one call may be uncounted,
        # on all three counters or on some.
        missing = {seen.answered - count for count in counted["downlink"]} - {0}
        self.assertLessEqual(len(missing), 1)
        for count in missing:
            self.assertTrue(
                0 < count <= _ONE_CALL, f"{count} bytes that were delivered are not counted"
            )


def _totals(file: Path) -> dict[str, dict[str, int]]:
    """The totals by direction and by whose they are; 0 if nobody has come yet."""
    # A daemon that twistd runs listens before it opens the file, and may be killed in between:
    # nothing is carried by then.
    totals = (
        {figures.name: figures.total for figures in read_counters(file)} if file.exists() else {}
    )
    return {
        way: {name: totals.get(f"{name}>>>traffic>>>{way}", 0) for name in _NAMES}
        for way in ("uplink", "downlink")
    }
