"""Servers at a link-local address, in a network namespace of the test's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.daemon import run_to_end
from tests.support.peers import need


def in_own_network(module: str) -> str:
    """Run a module of the tests in a network namespace of its own; what it says.

    Raises:
        SkipTest: this user may not make one, or the programs for it are missing.
        AssertionError: it failed.
    """
    if os.geteuid() != 0:
        message = "a network namespace needs root"
        raise SkipTest(message)
    need("ip")
    ended = run_to_end(Path(), [need("unshare"), "-n", sys.executable, "-m", module], 60)
    if ended.returncode:
        message = f"{module} ended with status {ended.returncode}:\n{ended.stdout}{ended.stderr}"
        raise AssertionError(message)
    return ended.stdout


class LinkLocalTest(SynchronousTestCase):
    """fe80::1%lo."""

    def test_connects(self) -> None:
        """It is reached by the kernel's transfer, by Twisted's, over TLS and by datagrams alike,
        and everything listens at it.
        """
        said = sorted(in_own_network("tests.network.link_local").splitlines())
        self.assertEqual(
            said, [f"{tag}: connected" for tag in ("kernel", "listening", "stream", "tls", "udp")]
        )
