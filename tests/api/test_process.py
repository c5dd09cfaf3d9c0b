"""The figures of the process."""

from __future__ import annotations

import gc
import mmap
import resource
import sys
import threading
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pipetwist.api.process import CollectorTime, process_figures


class LinuxTest(SynchronousTestCase):
    """Where the kernel has /proc."""

    def setUp(self) -> None:
        """Look for it."""
        if not Path("/proc/self/statm").exists():
            message = "there is no /proc here"
            raise SkipTest(message)

    def test_memory(self) -> None:
        """Memory that the process takes and writes to shows in both figures."""
        before = process_figures()
        with mmap.mmap(-1, 64 * 1024 * 1024) as taken:
            for offset in range(0, len(taken), mmap.PAGESIZE):
                taken[offset] = 1
            after = process_figures()
        self.assertGreater(after.resident - before.resident, 48 * 1024 * 1024)
        self.assertGreater(after.address_space - before.address_space, 48 * 1024 * 1024)

    def test_threads(self) -> None:
        """Python's threads and those of libraries count."""
        self.assertGreaterEqual(process_figures().threads, threading.active_count())

    def test_what_the_kernel_says(self) -> None:
        """The figures are those of proc(5): pages made bytes, and a thread for each entry."""
        proc = Path(self.mktemp())
        for thread in ("11", "12", "13"):
            (proc / "task" / thread).mkdir(parents=True)
        (proc / "statm").write_text("900 300 40 5 0 6 0\n", encoding="ascii")
        figures = process_figures(proc)
        page = resource.getpagesize()
        self.assertEqual(
            (figures.threads, figures.resident, figures.address_space), (3, 300 * page, 900 * page)
        )

    def test_collections(self) -> None:
        """A run of the collector counts one, of whichever generation."""
        gc.disable()
        self.addCleanup(gc.enable)
        before = process_figures().collections
        gc.collect()
        gc.collect(0)
        self.assertEqual(process_figures().collections, before + 2)

    def test_blocks(self) -> None:
        """What the interpreter allocates shows as blocks."""
        before = process_figures().blocks
        kept = [object() for _ in range(10_000)]
        self.assertGreaterEqual(process_figures().blocks, before + len(kept))


class ElsewhereTest(SynchronousTestCase):
    """Where the kernel has no /proc."""

    def test_fallback(self) -> None:
        """Threads are Python's own, and of the memory only its peak is reported."""
        figures = process_figures(Path(self.mktemp()))
        self.assertEqual(figures.threads, threading.active_count())
        self.assertEqual(figures.resident, 0)
        self.assertLessEqual(
            figures.address_space, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        )
        self.assertGreater(figures.address_space, 1024 * 1024)


class CollectorTimeTest(SynchronousTestCase):
    """The time that the collector runs for."""

    def setUp(self) -> None:
        """A clock that goes on by 5 whenever it is looked at."""
        gc.disable()
        self.addCleanup(gc.enable)
        self.now = 0
        self.time = CollectorTime(self._tick)

    def _tick(self) -> int:
        self.now += 5
        return self.now

    def test_runs(self) -> None:
        """Each run between start and stop adds the time from its beginning to its end."""
        gc.collect()
        self.time.start()
        gc.collect()
        gc.collect(1)
        self.assertEqual(self.time.nanoseconds, 10)
        self.time.stop()
        gc.collect()
        self.assertEqual(self.time.nanoseconds, 10)

    def test_nothing_left(self) -> None:
        """After its stop the collector calls nothing of it."""
        before = list(gc.callbacks)
        self.time.start()
        self.time.stop()
        self.assertEqual(gc.callbacks, before)

    def test_started_within_a_run(self) -> None:
        """A run whose beginning was not seen adds nothing."""

        class StartsWithin:
            def __init__(self, time: CollectorTime) -> None:
                self.time = time
                self.cycle = self

            def __del__(self) -> None:
                self.time.start()

        errors: list[object] = []
        self.patch(sys, "unraisablehook", errors.append)
        StartsWithin(self.time)
        gc.collect()
        self.addCleanup(self.time.stop)
        self.assertEqual((self.time.nanoseconds, errors), (0, []))
