"""What is a host, and what is written in its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values import Checked, Host

(_MARK,) = (mark for mark in get_args(Host) if isinstance(mark, Checked))


def _parse(raw: object) -> Any:
    return _MARK.parse(raw, Path("/etc/pipetwist"))


class HostTest(SynchronousTestCase):
    """Hosts."""

    def test_hosts(self) -> None:
        """Names and addresses stay as they are written; international names and those with a line
        below, too, and an interface's.
        """
        for host in (
            "localhost",
            "relay.example.org.",
            "my_server",
            "Bücher.example",
            "127.0.0.1",
            "::",
            "::1",
            "::ffff:192.0.2.1",
            "fe80::1%eth0",
        ):
            self.assertEqual(_parse(host), host)

    def test_refused(self) -> None:
        """What can be no host is refused with what to write."""
        for raw, says in (
            ("/x.sock", "is a path; unix sockets have types of their own"),
            ("./x.sock", "is a path; unix sockets have types of their own"),
            ("unix:/x.sock", "is a path; unix sockets have types of their own"),
            ("unix::x", "is a path; unix sockets have types of their own"),
            ("@name", "is a path; unix sockets have types of their own"),
            ("127.0.0.1:80", 'is a host with a port; write "127.0.0.1", and the port'),
            ("relay:", 'is a host with a port; write "relay", and the port'),
            ("[::1]:80", 'is a host with a port; write "::1", and the port'),
            ("[::1]", 'is in brackets; write "::1"'),
            ("http://relay", "is no host; write its name or its address alone"),
            ("10.0.0.0/8", "is no host; write its name or its address alone"),
            (" relay", "is no host; write its name or its address alone"),
            (":80", "is no host; write its name or its address alone"),
            ("", "is not a text of at least one character"),
            ("a\0", "is not a text of at least one character"),
            (80, "is not a text of at least one character"),
        ):
            self.assertIn(says, str(self.assertRaises(ValueError, _parse, raw)), raw)

    def test_schema(self) -> None:
        """The schema refuses the same texts."""
        pattern = str(_MARK.schema["pattern"])
        self.assertTrue(re.search(pattern, "fe80::1%eth0"))
        for raw in ("/x.sock", "unix::x", "@name", "relay:80", "[::1]", " relay", ":80"):
            self.assertIsNone(re.search(pattern, raw), raw)
