"""``pipetwist systemd``: what the unit hides from the daemon that it is to run."""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.command_line import call
from tests.support.scratch import scratch_folder


class HiddenTest(SynchronousTestCase):
    """The unit has a private /tmp, and no /home."""

    def warnings(self, config: str, executable: str = "/opt/pipetwist/bin/python") -> list[str]:
        """What is said of an installation and a configuration."""
        self.patch(sys, "executable", executable)
        status, unit, errors = call("systemd", "--config", config)
        self.assertEqual(status, 0)
        self.assertIn(f"ExecStart={Path(executable).parent}/twistd ", unit)
        return errors.splitlines()

    def test_none(self) -> None:
        """Nothing is said where the daemon sees everything."""
        self.assertEqual(self.warnings("/etc/pipetwist/pipetwist.json"), [])

    def test_configuration(self) -> None:
        """A configuration that it would not see is told."""
        for path, line in (
            ("/home/me/x.json", "ProtectHome="),
            ("/root/x.json", "ProtectHome="),
            ("/run/user/1000/x.json", "ProtectHome="),
            ("/tmp/x.json", "PrivateTmp="),
            ("/var/tmp/x.json", "PrivateTmp="),
        ):
            (said,) = self.warnings(path)
            self.assertTrue(said.startswith(f"pipetwist: {path} is in "), said)
            self.assertIn(f", which {line} hides from the daemon; name another", said)

    def test_installation(self) -> None:
        """So is an installation, once."""
        (said,) = self.warnings("/etc/x.json", "/home/me/.venv/bin/python")
        self.assertTrue(said.startswith("pipetwist: /home/me/.venv/bin/twistd is in /home"), said)

    def test_python(self) -> None:
        """So is the Python that an environment has a link to."""
        folder = scratch_folder(self)
        link = folder / "python"
        link.symlink_to("/home/me/.pyenv/bin/python3.11")
        self.patch(sys.modules["pipetwist.cli.systemd"], "_HIDDEN", {"/home": "ProtectHome="})
        (said,) = self.warnings("/etc/x.json", str(link))
        self.assertTrue(said.startswith("pipetwist: /home/me/.pyenv/bin/python3.11 is in"), said)
        self.assertIn("with another Python", said)
