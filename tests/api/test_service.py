"""The service's life: how it starts and stops."""

from __future__ import annotations

import gc
import socket
import threading
from typing import Any

import grpc
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipetwist.api.options import ApiOptions
from pipetwist.api.service import StatsApi
from pipetwist.api.services import V2RAY_SERVICE
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.online import OnlineUsers
from pipetwist.values.bind_address import PortAddress
from tests.support.api_server import (
    Client,
    SlowStore,
    counted,
    reactor_thread,
    start_api,
    stop_api,
    target_of,
)
from tests.support.loop import open_descriptors
from tests.support.programs import run_python
from tests.support.scratch import wait_until


class LifeTest(SynchronousTestCase):
    """Starting and stopping on a TCP port."""

    def test_nothing_before_start(self) -> None:
        """Before it starts it has made no server and no thread: it may be made in the process that
        becomes a daemon by forking.
        """
        self.patch(grpc, "server", self.fail)
        thread = reactor_thread(self)
        before = threading.active_count()
        api = StatsApi(
            ApiOptions(listen="127.0.0.1:0"),
            MemoryCounterStore(),
            OnlineUsers(lambda: 0.0),
            thread.reactor,
        )
        self.assertEqual(threading.active_count(), before)
        self.assertIsNone(api.address)
        self.assertFalse(api.running)

    def test_made_before_a_fork(self) -> None:
        """A service that was made before a fork answers when it is started after it."""
        program = """
import os, sys
from pipetwist.api.services import V2RAY_SERVICE
from tests.support.api_server import Client, ReactorThread, counted, target_of
from pipetwist.api.options import ApiOptions
from pipetwist.api.service import StatsApi
from pipetwist.stats.online import OnlineUsers
from twisted.trial.unittest import SynchronousTestCase
thread = ReactorThread(begin=False)
api = StatsApi(ApiOptions(listen="127.0.0.1:0"), counted({"a": 5}), OnlineUsers(lambda: 0.0), thread.reactor)
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
thread.begin()
thread.call(api.startService)
case = SynchronousTestCase()
value = Client(case, api, V2RAY_SERVICE).call("GetStats", name="a").stat.value
thread.call(api.stopService)
os._exit(value)
"""  # noqa: E501  # another language's text
        self.assertEqual(run_python("-c", program).returncode, 5)

    def test_address(self) -> None:
        """While it listens it says where, with the port that was chosen."""
        api = start_api(self)
        assert isinstance(api.address, PortAddress)
        self.assertGreater(api.address.port, 0)
        with socket.create_connection((api.address.host, api.address.port), timeout=60):
            pass
        stop_api(self, api)
        self.assertIsNone(api.address)

    def test_log(self) -> None:
        """One line in the log says where it listens."""
        with capturedLogs() as events:
            api = start_api(self)
        self.assertEqual(
            [formatEvent(event) for event in events if not _is_twisted_s(event)],
            [f"The StatsService listens on {api.address}"],
        )

    def test_restart(self) -> None:
        """After a stop it can be started again, at the same port."""
        api = start_api(self, counted({"a": 1}))
        assert isinstance(api.address, PortAddress)
        port = api.address.port
        stop_api(self, api)
        again = start_api(self, counted({"a": 2}), listen=f"127.0.0.1:{port}")
        self.assertEqual(
            Client(self, again, V2RAY_SERVICE).call("GetStats", name="a").stat.value, 2
        )
        stop_api(self, again)
        reactor_thread(self).call(again.startService)
        self.assertEqual(
            Client(self, again, V2RAY_SERVICE).call("GetStats", name="a").stat.value, 2
        )

    def test_nothing_left(self) -> None:
        """After the stop no thread, no descriptor and no callback of the garbage collector is
        left.
        """
        # gRPC keeps some threads and descriptors of its own from its first use on
        self._open_and_close()
        gc.collect()
        threads, callbacks, descriptors = (
            threading.active_count(),
            list(gc.callbacks),
            open_descriptors(),
        )
        for _ in range(3):
            self._open_and_close()
        gc.collect()
        self.assertEqual(gc.callbacks, callbacks)
        wait_until(lambda: threading.active_count() <= threads, "the threads to end")
        wait_until(
            lambda: len(open_descriptors() - descriptors) <= 2, "the descriptors to be closed"
        )

    def _open_and_close(self) -> None:
        api = start_api(self, counted({"a": 1}))
        with grpc.insecure_channel(target_of(api)) as channel:
            grpc.channel_ready_future(channel).result(timeout=60)
        stop_api(self, api)

    def test_stopping_what_never_started(self) -> None:
        """Stopping a service that is not running does nothing."""
        api = StatsApi(
            ApiOptions(listen="127.0.0.1:0"),
            MemoryCounterStore(),
            OnlineUsers(lambda: 0.0),
            reactor_thread(self).reactor,
        )
        stop_api(self, api)

    def test_ending_without_stop(self) -> None:
        """A process that ends without stopping the service ends."""
        program = """
from tests.support.api_server import Client, counted, start_api
from pipetwist.api.services import V2RAY_SERVICE
from twisted.trial.unittest import SynchronousTestCase
case = SynchronousTestCase()
api = start_api(case, counted({"a": 5}))
print(Client(case, api, V2RAY_SERVICE).call("GetStats", name="a").stat.value)
"""
        self.assertEqual(run_python("-c", program).stdout, "5\n")

    def test_environment(self) -> None:
        """Importing the API turns gRPC's fork support and its own log lines off, unless the
        environment says otherwise.
        """
        for name, ours, other in (
            ("GRPC_ENABLE_FORK_SUPPORT", "0", "1"),
            ("GRPC_VERBOSITY", "ERROR", "DEBUG"),
        ):
            program = f"import os, pipetwist.api.options; print(os.environ[{name!r}])"
            self.assertEqual(
                run_python("-c", program, environment={name: None}).stdout, f"{ours}\n"
            )
            self.assertEqual(
                run_python("-c", program, environment={name: other}).stdout, f"{other}\n"
            )


class StopTest(TestCase):
    """Stopping while calls run, with a real reactor."""

    def setUp(self) -> None:
        """A query is being answered."""
        self.store = SlowStore()
        self.addCleanup(self.store.release.set)

    def start(self, grace: float) -> tuple[StatsApi, Deferred[Any]]:
        """Start the API, and a query that waits in it."""
        api = StatsApi(
            ApiOptions(listen="127.0.0.1:0"),
            self.store,
            OnlineUsers(lambda: 0.0),
            reactor,
            grace=grace,
        )
        api.startService()
        client = Client(self, api, V2RAY_SERVICE)
        return api, deferToThread(client.call, "QueryStats", reset=True)

    async def test_grace(self) -> None:
        """A call that runs is finished, new ones are refused, and the reactor goes on meanwhile."""
        api, answer = self.start(grace=20)
        target = target_of(api)
        self.assertTrue(await deferToThread(self.store.asked.wait, 20))
        stopped = api.stopService()
        late = Client(self, target, V2RAY_SERVICE)
        code, _ = await deferToThread(late.error, "GetStats", name="a")
        self.assertEqual(code, grpc.StatusCode.UNAVAILABLE)
        self.assertFalse(stopped.called)
        self.store.release.set()
        self.assertEqual((await answer).stat[0].value, 7)
        await stopped

    async def test_end_of_grace(self) -> None:
        """A call that takes longer is cancelled at the end of the grace."""
        api, answer = self.start(grace=0.05)
        self.assertTrue(await deferToThread(self.store.asked.wait, 20))
        stopped = api.stopService()
        error = await self.assertFailure(answer, grpc.RpcError)
        self.assertIn(error.code(), {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE})
        self.store.release.set()
        await stopped


def _is_twisted_s(event: LogEvent) -> bool:
    """Whether it says in Twisted's words that a port was opened."""
    namespace: str = event["log_namespace"]
    return namespace == "log_legacy"
