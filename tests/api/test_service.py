"""The service's life: where it listens, how it fails, how it stops."""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import stat
import threading
from pathlib import Path
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
from pipetwist.errors import StartError
from pipetwist.stats.counters import MemoryCounterStore
from pipetwist.stats.online import OnlineUsers
from pipetwist.values.bind_address import PortAddress
from tests.support.api_server import (
    RPC_SECONDS,
    Client,
    SlowStore,
    counted,
    reactor_thread,
    start_api,
    stop_api,
    target_of,
)
from tests.support.programs import run_python
from tests.support.scratch import accepts, scratch_folder, wait_until


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
            _descriptors(),
        )
        for _ in range(3):
            self._open_and_close()
        gc.collect()
        self.assertEqual(gc.callbacks, callbacks)
        wait_until(lambda: threading.active_count() <= threads, "the threads to end")
        wait_until(lambda: _descriptors() <= descriptors + 2, "the descriptors to be closed")

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


class FailureTest(SynchronousTestCase):
    """Starts that fail."""

    def failure(self, listen: str | None, **options: Any) -> str:
        """What a failed start says; the service does not run then."""
        api = StatsApi(
            ApiOptions(listen=listen, **options),
            MemoryCounterStore(),
            OnlineUsers(lambda: 0.0),
            reactor_thread(self).reactor,
        )
        text = str(self.assertRaises(StartError, reactor_thread(self).call, api.startService))
        self.assertFalse(api.running)
        self.assertIsNone(api.address)
        self.assertNotIn("\n", text)
        self.assertTrue(text.startswith("experimental.v2ray_api.listen"), text)
        return text

    def test_no_address(self) -> None:
        """Options that say nothing about listening are refused."""
        self.assertIn("say where to listen", self.failure(None))

    def test_bad_address(self) -> None:
        """A text that is no address is refused."""
        self.assertIn("is not an address", self.failure("10085"))

    def test_taken_port(self) -> None:
        """A port that another server has is not shared with it, nor is that of a gRPC server, which
        would share it.
        """
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            self.assertIn(
                f"127.0.0.1:{port}: Address already in use", self.failure(f"127.0.0.1:{port}")
            )
        address = start_api(self).address
        self.assertIn(f"{address}: Address already in use", self.failure(str(address)))

    def test_port_for_sharing(self) -> None:
        """A program that would share the port later, as gRPC's servers do, can't."""
        address = start_api(self).address
        assert isinstance(address, PortAddress)
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self.assertRaises(OSError, other.bind, (address.host, address.port))

    def test_second_address_taken(self) -> None:
        """A failure at one address of a name gives back the others."""
        with socket.create_server(("127.0.0.2", 0)) as other:
            port = other.getsockname()[1]

            def getaddrinfo(*_: object, **__: object) -> list[Any]:
                return [
                    (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
                    for host in ("127.0.0.1", "127.0.0.2")
                ]

            self.patch(socket, "getaddrinfo", getaddrinfo)
            self.assertIn(
                f"localhost:{port}, which is 127.0.0.2 too: Address already in use",
                self.failure(f"localhost:{port}"),
            )
        gc.collect()
        start_api(self, listen=f"127.0.0.1:{port}")

    def test_not_loopback(self) -> None:
        """An address that other machines reach is refused without TLS, unless the options say that
        it may be.
        """
        self.assertIn("without TLS", self.failure("0.0.0.0:0"))
        self.assertIn("without TLS", self.failure("[::]:0"))
        api = start_api(self, counted({"a": 1}), listen="0.0.0.0:0", insecure=True)
        assert isinstance(api.address, PortAddress)
        self.assertEqual(
            Client(self, f"127.0.0.1:{api.address.port}", V2RAY_SERVICE)
            .call("GetStats", name="a")
            .stat.value,
            1,
        )

    def test_quiet(self) -> None:
        """A failed start writes nothing to standard error by itself: the one line is all that
        people see.
        """
        program = """
import socket
from tests.support.api_server import start_api
from pipetwist.errors import StartError
from twisted.trial.unittest import SynchronousTestCase
with socket.create_server(("127.0.0.1", 0)) as other:
    try:
        start_api(SynchronousTestCase(), listen=f"127.0.0.1:{other.getsockname()[1]}")
    except StartError:
        print("refused")
"""
        outcome = run_python("-c", program)
        self.assertEqual((outcome.stdout, outcome.stderr), ("refused\n", ""))


class UnixTest(SynchronousTestCase):
    """Listening on a unix socket, with gRPC's real behaviour."""

    def setUp(self) -> None:
        """A path."""
        self.folder = scratch_folder(self)
        # As nobody else has it in the kernel's list.
        self.path = self.folder / f"api-{self.folder.name}.sock"

    def start(self, **options: Any) -> StatsApi:
        """Serve a counter there."""
        return start_api(self, counted({"a": 7}), listen=f"unix:{self.path}", **options)

    def value(self) -> int:
        """Ask for the counter there."""
        value: int = (
            Client(self, f"unix:{self.path}", V2RAY_SERVICE).call("GetStats", name="a").stat.value
        )
        return value

    def test_serves(self) -> None:
        """Calls are answered, the file has the mode 0600, and goes at the stop."""
        api = self.start()
        self.assertEqual(str(api.address), f"unix:{self.path}")
        self.assertEqual(self.value(), 7)
        self.assertEqual(stat.S_IMODE(self.path.lstat().st_mode), 0o600)
        stop_api(self, api)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_mode(self) -> None:
        """The file has the mode of the options, whatever the umask."""
        self.addCleanup(os.umask, os.umask(0o077))
        self.start(listen_mode=0o666)
        self.assertEqual(stat.S_IMODE(self.path.lstat().st_mode), 0o666)
        self.assertEqual(self.value(), 7)

    def test_live_server(self) -> None:
        """A second API does not take the first one's path, and the first goes on."""
        self.start()
        error = self.assertRaises(StartError, self.start)
        self.assertIn(f"another process listens on {self.path}", str(error))
        self.assertEqual(self.value(), 7)

    def test_after_a_crash(self) -> None:
        """After a crash the next one takes the path over."""
        program = f"""
import os, signal
from tests.support.api_server import start_api
from twisted.trial.unittest import SynchronousTestCase
start_api(SynchronousTestCase(), listen="unix:{self.path}")
os.kill(os.getpid(), signal.SIGKILL)
"""
        self.assertEqual(run_python("-c", program).returncode, -signal.SIGKILL)
        self.assertTrue(self.path.is_socket())
        self.start()
        self.assertEqual(self.value(), 7)

    def test_failure_after_listening(self) -> None:
        """A start that fails when gRPC listens already lets go of the socket."""

        def forbid(*_: object, **__: object) -> None:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

        self.patch(os, "chmod", forbid)
        error = self.assertRaises(StartError, self.start)
        self.assertIn(f"{self.path}: Operation not permitted", str(error))
        self.assertNotIn(self.path.name, Path("/proc/net/unix").read_text(encoding="utf-8"))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_file_that_stays(self) -> None:
        """A file that can't be removed is told of in the log, and the service stops none the
        less.
        """
        api = self.start()

        def forbid(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        self.patch(os, "rename", forbid)
        with capturedLogs() as events:
            stop_api(self, api)
        self.assertEqual(
            [formatEvent(event) for event in events],
            [f"unix:{self.path} can't be removed: Permission denied"],
        )
        self.assertFalse(accepts(self.path))

    def test_another_s_socket_at_stop(self) -> None:
        """A socket that another server has put there since outlives the stop."""
        first = self.start()
        self.path.unlink()
        self.start()
        stop_api(self, first)
        gc.collect()
        self.assertEqual(self.value(), 7)

    def come_back(self, api: StatsApi) -> list[str | None]:
        """What a reload asks of it, and what it logs then."""
        with capturedLogs() as events:
            reactor_thread(self).call(api.come_back)
        return [formatEvent(event) for event in events]

    def test_removed(self) -> None:
        """Where its file was removed it makes that anew, with its mode, and who is connected goes
        on; where it was not, nothing happens.
        """
        api = self.start(listen_mode=0o660)
        connected = Client(self, api, V2RAY_SERVICE)
        self.assertEqual(connected.call("GetStats", name="a").stat.value, 7)
        self.assertEqual(self.come_back(api), [])
        self.path.unlink()
        said = f"The StatsService listens on unix:{self.path} again: its file had been removed"
        self.assertEqual(self.come_back(api), [said])
        self.assertEqual(stat.S_IMODE(self.path.lstat().st_mode), 0o660)
        self.assertEqual((self.value(), connected.call("GetStats", name="a").stat.value), (7, 7))
        stop_api(self, api)
        self.assertEqual(self.come_back(api), [])
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_removed_and_taken(self) -> None:
        """Where another has its place by then that is said, and it can come back later."""
        api = self.start()
        self.path.unlink()
        self.path.mkdir()
        (said,) = self.come_back(api)
        self.assertIn(
            f"unix:{self.path}, where the StatsService listens, was removed, and can't be "
            "created again now: ",
            str(said),
        )
        self.assertIn("exists and is not a socket", str(said))
        self.path.rmdir()
        self.assertEqual(len(self.come_back(api)), 1)
        self.assertEqual(self.value(), 7)

    def test_full(self) -> None:
        """Of 150 connections 128 are let in, which is logged at once; there is no bound of one
        address.
        """
        api = self.start()
        assert api.address is not None
        clients = []
        with capturedLogs() as events:
            for _ in range(150):
                client = socket.socket(socket.AF_UNIX)
                self.addCleanup(client.close)
                client.settimeout(RPC_SECONDS)
                client.connect(str(self.path))
                clients.append(client)
            for client in clients[128:]:
                self.assertEqual(client.recv(1), b"")
        self.assertEqual(
            [formatEvent(event) for event in events],
            ["experimental.v2ray_api: all 128 connections are in use: a new one was closed"],
        )
        clients[0].close()
        wait_until(self._answers, "room for another")

    def _answers(self) -> bool:
        try:
            return self.value() == 7
        except grpc.RpcError:
            return False

    def test_longest_path(self) -> None:
        """A path of 107 bytes, the longest that there is, is served."""
        folder = self.folder / ("d" * (107 - len(str(self.folder)) - 3))
        folder.mkdir()
        self.path = folder / "a"
        self.start()
        self.assertEqual(self.value(), 7)


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


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
