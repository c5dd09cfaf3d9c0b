"""``pipetwist plugins``."""

from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.support.command_line import call
from tests.support.daemon import write_configuration
from tests.support.documents import small
from tests.support.scratch import scratch_folder


class PluginsTest(SynchronousTestCase):
    """The plug-ins of a configuration."""

    def setUp(self) -> None:
        """Have one with a transport, whose state is in a folder of its user's."""
        self.folder = scratch_folder(self)
        inbound = {
            "type": "pt",
            "tag": "bridge",
            "transport": "obfs4",
            "listen_port": 10443,
            "command": [sys.executable, "obfs4proxy.py"],
            "state_path": "state",
        }
        self.path = write_configuration(self.folder, {**small(), "inbounds": [inbound]})
        self.shown = f"inbound bridge: {sys.executable} obfs4proxy.py\n  "
        (self.folder / "state").mkdir()

    def test_not_yet(self) -> None:
        """What clients need is not known before the transport was ready."""
        said = call("plugins", str(self.path))
        expected = f"{self.shown}what clients need is known once it was ready\n"
        self.assertEqual(said, (0, expected, ""))

    def test_escaped(self) -> None:
        """The transport's user can't steer a terminal by what it puts there instead, nor write
        lines.
        """
        written = self.folder / "state" / "pipetwist-client-obfs4.json"
        written.write_bytes(b"{}\x1b[2J\ninbound other: obfs4proxy \xff")
        said = call("plugins", str(self.path))
        expected = f"{self.shown}{{}}\\x1b[2J\\ninbound other: obfs4proxy \\xff\n"
        self.assertEqual(said, (0, expected, ""))
