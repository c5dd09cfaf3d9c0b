"""The threads that gRPC's calls run in."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.executor import TwistedExecutor

_SECONDS = 60


class ExecutorTest(SynchronousTestCase):
    """What gRPC relies on."""

    def executor(self, threads: int = 2) -> TwistedExecutor:
        """One that takes work, stopped by the clean-up."""
        executor = TwistedExecutor(threads, "test-grpc")
        executor.start()
        self.addCleanup(executor.stop)
        return executor

    def test_result(self) -> None:
        """Work runs in a named thread of the pool, with its arguments, and its future has the
        result.
        """

        def work(one: int, *, two: int) -> tuple[int, int, str]:
            return one, two, threading.current_thread().name

        future = self.executor().submit(work, 1, two=2)
        one, two, name = future.result(_SECONDS)
        self.assertEqual((one, two), (1, 2))
        self.assertIn("test-grpc", name)

    def test_error(self) -> None:
        """The future of work that fails has its exception, the thread goes on."""
        executor = self.executor(1)
        self.assertIsInstance(executor.submit(lambda: 1 / 0).exception(_SECONDS), ZeroDivisionError)
        self.assertEqual(executor.submit(lambda: 5).result(_SECONDS), 5)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_done_callback(self) -> None:
        """A callback on the future is called when the work is done: gRPC counts its calls by it."""
        done = threading.Event()
        release = threading.Event()
        future = self.executor().submit(release.wait, _SECONDS)
        future.add_done_callback(lambda _: done.set())
        self.assertFalse(done.is_set())
        release.set()
        self.assertTrue(done.wait(_SECONDS))

    def test_threads_are_made_when_needed(self) -> None:
        """Without work there is no thread, and never more than there may be."""
        before = threading.active_count()
        executor = self.executor(2)
        self.assertEqual(threading.active_count(), before)
        release = threading.Event()
        self.addCleanup(release.set)
        begun = threading.Semaphore(0)

        def work() -> None:
            begun.release()
            release.wait(_SECONDS)

        futures = [executor.submit(work) for _ in range(5)]
        self.assertTrue(begun.acquire(timeout=_SECONDS))
        self.assertTrue(begun.acquire(timeout=_SECONDS))
        self.assertFalse(begun.acquire(timeout=0.05))
        self.assertEqual(threading.active_count(), before + 2)
        release.set()
        for future in futures:
            future.result(_SECONDS)

    def test_from_many_threads(self) -> None:
        """Work that several threads submit at once is all done."""
        executor = self.executor(3)
        futures: list[Future[int]] = []

        def submit() -> None:
            futures.extend(executor.submit(pow, number, 2) for number in range(100))

        threads = [threading.Thread(target=submit) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_SECONDS)
        self.assertEqual(
            sorted(future.result(_SECONDS) for future in futures),
            sorted([n**2 for n in range(100)] * 4),
        )

    def test_stop_finishes_what_waits(self) -> None:
        """Stopping does the work that was submitted, queued work too, and ends the threads."""
        before = threading.active_count()
        executor = self.executor(1)
        release = threading.Event()
        futures = [executor.submit(release.wait, _SECONDS), executor.submit(lambda: True)]
        stopper = threading.Thread(target=executor.stop)
        stopper.start()
        release.set()
        stopper.join(_SECONDS)
        self.assertFalse(stopper.is_alive())
        self.assertEqual([future.result(0) for future in futures], [True, True])
        self.assertEqual(threading.active_count(), before)

    def test_submitted_after_stop(self) -> None:
        """Work that comes after the stop is done none the less: its client must not wait for
        ever.
        """
        executor = self.executor()
        executor.stop()
        self.assertEqual(executor.submit(lambda: 5).result(_SECONDS), 5)
        self.assertIsInstance(executor.submit(lambda: 1 / 0).exception(_SECONDS), ZeroDivisionError)

    def test_stop_twice(self) -> None:
        """Stopping again does nothing, as does stopping what never started."""
        executor = self.executor()
        executor.stop()
        executor.stop()
        TwistedExecutor(1, "never").stop()

    def test_ending_without_stop(self) -> None:
        """The threads keep no process from ending."""
        executor = self.executor()
        self.assertTrue(executor.submit(lambda: threading.current_thread().daemon).result(_SECONDS))
