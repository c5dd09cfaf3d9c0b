"""README.md: what it shows comes out of the daemon that `make run` starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.reading import parse_document
from tests.support.daemon import daemon_environment
from tests.support.markdown import ROOT, blocks
from tests.support.peers import need
from tests.support.scratch import free_port, listens, wait_until
from tests.support.terminal import Terminal, commands, same_each_time

_PORT = "10085"
_PAGE = "9105"


class ReadmeTest(SynchronousTestCase):
    """The blocks of the document."""

    def test_commands(self) -> None:
        """Each command says what the document shows, and the daemon's log has the line that it
        shows.
        """
        port = str(free_port(self))
        terminal = Terminal(self, {_PORT: port, _PAGE: str(free_port(self))})
        (terminal.folder / "etc").mkdir()
        example = terminal.translated((ROOT / "etc" / "pipetwist.json").read_text(encoding="utf-8"))
        (terminal.folder / "etc" / "pipetwist.json").write_text(example, encoding="utf-8")
        (terminal.folder / ".venv").mkdir()
        (terminal.folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
        log = self._start(terminal.folder, int(port))
        # Where a document's reader has the usual one.
        self.patch(os, "environ", {**os.environ, "PIPETWIST_SERVER": f"127.0.0.1:{port}"})
        for block in blocks("README.md"):
            if block.language == "console" and not block.text.startswith("$ make "):
                terminal.type(block)
        (line,) = [
            block.text
            for block in blocks("README.md")
            if block.language == "text" and " -> " in block.text
        ]
        wait_until(
            lambda: same_each_time(line) in same_each_time(log.read_text(encoding="utf-8")),
            f"the line {line}",
        )

    def test_targets(self) -> None:
        """What make is asked for is there."""
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        for target in ("run", "test"):
            self.assertIn(f"make {target}", text)
            self.assertTrue(_recipe(target))

    def test_only_make_is_left_out(self) -> None:
        """Of the commands that it shows only `make run` is not typed, and the daemon is started as
        that does it.
        """
        untyped = [
            command
            for block in blocks("README.md")
            if block.language == "console" and block.text.startswith("$ make ")
            for command, _ in commands(block)
        ]
        self.assertEqual(untyped, ["make run"])

    def test_configuration(self) -> None:
        """The configuration that it shows is good."""
        shown = [block.text for block in blocks("README.md") if block.language == "json"]
        self.assertEqual(len(shown), 1)
        parse_document(shown[0], Path("/"), "README.md")

    def _start(self, folder: Path, port: int) -> Path:
        """Start what `make run` starts, in this folder; the file that it logs to."""
        command = _recipe("run")[-1].removeprefix("exec ")
        path = folder / "log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                ["sh", "-c", f"exec {command}"],
                cwd=folder,
                env=daemon_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.terminate)
        wait_until(lambda: listens(port) or process.poll() is not None, "the daemon to listen")
        self.assertIsNone(process.poll(), path.read_text(encoding="utf-8"))
        return path


def _recipe(target: str) -> list[str]:
    """The commands that make would run for a target."""
    # A make that runs the tests has told its children how many jobs they may have.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    said = subprocess.run(
        [need("make"), "-n", target],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return said.stdout.splitlines()
