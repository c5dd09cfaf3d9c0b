"""The examples of docs/stats-api.md, run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.services import V2RAY_SERVICE, XRAY_SERVICE
from pipetwist.storage.store import FileCounterStore
from tests.support.api_server import Client
from tests.support.daemon import TWISTD, daemon_environment
from tests.support.programs import ROOT
from tests.support.scratch import scratch_folder, wait_until


def _examples() -> list[str]:
    text = (ROOT / "docs" / "stats-api.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [str(example) for example in found]


class FileTest(SynchronousTestCase):
    """A file of counters, read by a program."""

    def test_example(self) -> None:
        """The example prints each counter with its total and its value."""
        folder = scratch_folder(self)
        store = FileCounterStore(folder / "counters.db", lambda name, error: None)
        store.open()
        store.counter("user>>>alice>>>traffic>>>uplink").add(7)
        store.close()
        (example,) = [text for text in _examples() if "read_counters" in text]
        done = subprocess.run(
            [sys.executable, "-c", example],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        self.assertEqual(done.stdout, "user>>>alice>>>traffic>>>uplink 7 7\n")


class OwnCountersTest(SynchronousTestCase):
    """The service in front of a program's own counters."""

    def test_example(self) -> None:
        """The example serves what it counts and who is online, and stops when it is told to."""
        folder = scratch_folder(self)
        path = folder / "api.sock"
        example = [text for text in _examples() if '"127.0.0.1:10085"' in text]
        self.assertEqual(len(example), 1)
        (folder / "own_counters.tac").write_text(
            example[0].replace("127.0.0.1:10085", f"unix:{path}"), encoding="utf-8"
        )
        with (folder / "log").open("wb") as log:
            command = [*TWISTD, "--pidfile=", "-ny", "own_counters.tac"]
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=daemon_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.terminate)
        wait_until(lambda: path.is_socket() or process.poll() is not None, "the example to listen")
        self.assertIsNone(process.poll(), (folder / "log").read_text(encoding="utf-8"))
        target = f"unix:{path}"
        client = Client(self, target, V2RAY_SERVICE)

        def value() -> int:
            counted: int = client.call(
                "GetStats", name="user>>>alice>>>traffic>>>downlink"
            ).stat.value
            self.assertEqual(counted % 1000, 0)
            return counted

        wait_until(lambda: value() >= 1000, "the example to count")  # it listens before it counts
        self.assertEqual(
            list(Client(self, target, XRAY_SERVICE).call("GetAllOnlineUsers").users),
            ["user>>>alice>>>online"],
        )
        process.terminate()
        process.wait(60)
        self.assertFalse(path.exists())
        self.assertNotIn("Traceback", (folder / "log").read_text(encoding="utf-8"))
