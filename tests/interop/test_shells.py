"""The completion scripts in the shells that they are for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.command_line import call
from tests.support.daemon import daemon_environment
from tests.support.peers import need
from tests.support.scratch import scratch_folder

_BASH = """
. ./script
COMP_WORDS=(pipetwist s) COMP_CWORD=1
_pipetwist_completion pipetwist
printf '%s\\n' "${COMPREPLY[@]}"
complete -p pipetwist
"""
# zsh completes only at a prompt; what its script hands over is seen by standing in for compadd and
# _describe.
_ZSH = """
compdef() { :; }
_describe() { print -rl -- "${(@P)3}"; }
compadd() { :; }
words=(pipetwist s) CURRENT=2
. ./script
_pipetwist_completion
"""
_FISH = """
. ./script
complete --do-complete 'pipetwist s'
"""


class ShellsTest(SynchronousTestCase):
    """Each completes ``pipetwist s``."""

    def said(self, shell: str, program: str, *options: str) -> list[str]:
        """What the shell says to a program, beside which the script lies."""
        folder = scratch_folder(self)
        (folder / "script").write_text(call("completion", shell)[1], encoding="utf-8")
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        environment = {**daemon_environment(), "PATH": path, "HOME": str(folder)}
        said = subprocess.run(
            [need(shell), *options, "-c", program],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        return said.stdout.splitlines()

    def test_bash(self) -> None:
        """Bash has the commands."""
        lines = self.said("bash", _BASH, "--norc")
        self.assertEqual(lines[:-1], ["schema", "stats", "status", "sys", "systemd"])
        self.assertTrue(lines[-1].endswith("-F _pipetwist_completion pipetwist"), lines)

    def test_zsh(self) -> None:
        """Zsh has the commands with what they do."""
        lines = self.said("zsh", _ZSH, "-f")
        self.assertEqual(
            [line.partition(":")[0] for line in lines],
            ["schema", "stats", "status", "sys", "systemd"],
        )
        self.assertIn("stats:Show counters and reset them.", lines)

    def test_fish(self) -> None:
        """Fish has the commands with what they do."""
        lines = self.said("fish", _FISH, "--no-config")
        self.assertEqual(
            [line.partition("\t")[0] for line in lines],
            ["schema", "stats", "status", "sys", "systemd"],
        )
        self.assertIn("stats\tShow counters and reset them.", lines)
