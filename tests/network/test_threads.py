"""Threads that nothing waits for."""

from __future__ import annotations

import threading
from functools import partial
from queue import SimpleQueue

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.network.threads import UnawaitedThreads
from tests.support.scratch import wait_until


class ThreadsTest(SynchronousTestCase):
    """The system's own."""

    def setUp(self) -> None:
        """Be able to end every call."""
        self.go_on = threading.Event()
        self.addCleanup(self.go_on.set)
        self.ran: list[threading.Thread] = []

    def call(self, threads: UnawaitedThreads, *, stuck: bool = False) -> threading.Thread:
        """Have something called; the thread, once it has been or is stuck."""
        done = threading.Event()

        def work() -> None:
            self.ran.append(threading.current_thread())
            done.set()
            if stuck:
                self.go_on.wait(60)

        threads.start(work)
        self.assertTrue(done.wait(60))
        return self.ran[-1]

    def meet(self, together: threading.Barrier) -> None:
        """Return when all have come."""
        together.wait(60)

    def test_unawaited(self) -> None:
        """The end of the program does not wait for a call that does not return, and neither does
        another call.
        """
        threads = UnawaitedThreads()
        stuck = self.call(threads, stuck=True)
        other = self.call(threads)
        self.assertTrue(stuck.daemon and other.daemon)
        self.assertIsNot(stuck, other)

    def test_again(self) -> None:
        """A thread whose call has returned makes the next one."""
        threads = UnawaitedThreads()
        first = self.call(threads)
        wait_until(lambda: repr(threads) == "<UnawaitedThreads idle=1>", "the thread to be free")
        self.assertIs(self.call(threads), first)

    def test_ends(self) -> None:
        """One that nobody has a call for ends, and the next call gets another."""
        threads = UnawaitedThreads(0.0)
        first = self.call(threads)
        first.join(60)
        self.assertFalse(first.is_alive())
        self.assertIsNot(self.call(threads), first)
        self.ran[-1].join(60)
        self.assertEqual(repr(threads), "<UnawaitedThreads idle=0>")

    def test_counted_on(self) -> None:
        """One that is about to end makes a call that has counted on it."""
        threads = UnawaitedThreads(0.0)
        for _ in range(1000):
            self.call(threads)

    def test_each_at_once(self) -> None:
        """Each of several calls gets a thread of its own, whether some are idle or not."""
        threads = UnawaitedThreads()
        for count in range(1, 50):
            together = threading.Barrier(count + 1)
            for _ in range(count):
                threads.start(partial(self.meet, together))
            together.wait(60)

    def test_no_call_lost(self) -> None:
        """Nor is a call of many starting threads."""
        threads, made = UnawaitedThreads(0.001), SimpleQueue[int]()

        def start_some(first: int) -> None:
            for number in range(first, first + 500):
                threads.start(partial(made.put, number))

        starters = [threading.Thread(target=start_some, args=(500 * n,)) for n in range(4)]
        for starter in starters:
            starter.start()
        for starter in starters:
            starter.join(60)
        wait_until(lambda: made.qsize() >= 2000, "every call to be made")
        self.assertEqual(sorted(made.get() for _ in range(2000)), list(range(2000)))
