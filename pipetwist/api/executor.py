"""The threads that gRPC's calls run in: a Twisted thread pool behind the two methods of an executor
that gRPC calls.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Lock, Thread
from typing import Any, ParamSpec, TypeVar

from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

__all__ = ["TwistedExecutor"]

P = ParamSpec("P")
T = TypeVar("T")


class _DaemonThread(Thread):
    # A process that ends without stopping the service, after a failed start for instance, does not
    # wait for idle threads.
    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: a Thread's
        super().__init__(*args, daemon=True, **kwargs)


class _Pool(ThreadPool):
    threadFactory = _DaemonThread


class TwistedExecutor:
    """Runs work in a Twisted thread pool of its own, which makes threads only when they are needed.

    gRPC's server needs `submit`, and ``Future.add_done_callback`` of its result, which it counts
    running calls by.

    Args:
        max_threads: how many there may be; other work waits for a free one.
        name: a part of the threads' names.
    """

    def __init__(self, max_threads: int, name: str) -> None:
        self._pool = _Pool(0, max_threads, name)
        self._lock = Lock()  # only one thread at a time may call Twisted's pool
        self._running = False

    def start(self) -> None:
        """Start to accept work. Once stopped it can't be started again."""
        with self._lock:
            self._pool.start()
            self._running = True

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function in a thread.

        Before `start` and after `stop` it runs in a new thread: Twisted's pool would drop it
        silently, and the client of such a call would wait for ever.
        """
        future: Future[T] = Future()
        work = partial(fn, *args, **kwargs)
        with self._lock:
            if self._running:
                self._pool.callInThreadWithCallback(partial(_settle, future), work)
                return future
        Thread(
            target=_run, args=(future, work), name=f"{self._pool.name}-late", daemon=True
        ).start()
        return future

    def stop(self) -> None:
        """Finish what was submitted, then end the threads. Blocks until then."""
        with self._lock:
            if not self._running:
                return
            self._running = False
        self._pool.stop()


def _settle(future: Future[T], succeeded: bool, result: T | Failure) -> None:
    if isinstance(result, Failure) and not succeeded:
        future.set_exception(result.value)
    else:
        future.set_result(result)  # type: ignore[arg-type] # it succeeded, so that it is what the work returned


def _run(future: Future[T], work: Callable[[], T]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever holds the future
        future.set_exception(error)
    else:
        future.set_result(result)
