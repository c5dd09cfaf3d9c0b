"""What the service manager says in the environment."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.systemd.environment import SystemdEnvironment, take_environment

_OURS = str(os.getpid())


class EnvironmentTest(SynchronousTestCase):
    """The variables."""

    def test_taken(self) -> None:
        """What is said is taken out, and nothing else is: a command that inherits the environment
        must not speak for the daemon.
        """
        said = {
            "LISTEN_PID": _OURS,
            "LISTEN_FDS": "2",
            "LISTEN_FDNAMES": "a:b",
            "NOTIFY_SOCKET": "@n",
            "WATCHDOG_PID": _OURS,
            "WATCHDOG_USEC": "30000000",
        }
        ours = {**said, "PATH": "/bin"}
        self.assertEqual(take_environment(ours, said), SystemdEnvironment((3, 4), "@n", 30.0))
        self.assertEqual(ours, {"PATH": "/bin"})

    def test_of_another(self) -> None:
        """Sockets and a watchdog of another process are none of ours."""
        said = {
            "LISTEN_PID": "1",
            "LISTEN_FDS": "2",
            "WATCHDOG_PID": "1",
            "WATCHDOG_USEC": "30000000",
        }
        self.assertEqual(take_environment(dict(said), said), SystemdEnvironment())

    def test_watchdog_of_anybody(self) -> None:
        """A watchdog without a process's number is for whoever reads it."""
        self.assertEqual(take_environment({}, {"WATCHDOG_USEC": "500000"}).watchdog, 0.5)

    def test_nonsense(self) -> None:
        """Numbers that are none, and an empty address, say nothing."""
        for number in ("", "x", "-1", "1e3", "²"):
            said = {
                "LISTEN_PID": _OURS,
                "LISTEN_FDS": number,
                "WATCHDOG_USEC": number,
                "NOTIFY_SOCKET": "",
            }
            self.assertEqual(take_environment({}, said), SystemdEnvironment(), number)

    def test_as_it_was(self) -> None:
        """What counts is the environment that the process was started with, of which Twisted has
        taken something out by now.
        """
        self.patch(os, "getpid", lambda: -1)
        self.assertEqual(take_environment({"LISTEN_PID": "-1", "LISTEN_FDS": "1"}).descriptors, ())
