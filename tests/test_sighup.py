"""`pipetwist.sighup`: what SIGHUP does before the daemon runs."""

from __future__ import annotations

import os
import signal
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from pipetwist import sighup
from pipetwist.sighup import early_sighup, keep_sighup


class KeepTest(SynchronousTestCase):
    """A process that nobody has started with a terminal."""

    def setUp(self) -> None:
        """Begin as a process does."""
        self.patch(sighup, "_kept", [])
        self.patch(sighup, "has_terminal", lambda: False)
        self.addCleanup(signal.signal, signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_DFL))

    def test_kept(self) -> None:
        """What comes is noted, however often it is asked to be."""
        for _ in range(2):
            keep_sighup()
        self.assertFalse(early_sighup().came)
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertTrue(early_sighup().came)
        self.assertFalse(early_sighup().outlives_terminal)

    def test_nohup(self) -> None:
        """A process that ignores it is remembered as one that outlives its terminal, and a reload
        that is asked for is noted too.
        """
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        keep_sighup()
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual((early_sighup().came, early_sighup().outlives_terminal), (True, True))

    def test_own_handler(self) -> None:
        """A program that handles it itself goes on doing so."""
        came: list[int] = []
        signal.signal(signal.SIGHUP, lambda number, _: came.append(number))
        keep_sighup()
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual((came, early_sighup().came), ([signal.SIGHUP], False))

    def test_thread(self) -> None:
        """Asked for in a thread, where Python lets nobody handle signals, it does nothing."""
        thread = Thread(target=keep_sighup)
        thread.start()
        thread.join()
        self.assertEqual(signal.getsignal(signal.SIGHUP), signal.SIG_DFL)
