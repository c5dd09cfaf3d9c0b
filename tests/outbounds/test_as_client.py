"""Connecting as the client: whom that is, how it comes out of its thread, and how it ends."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest import skipUnless

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.connection.client_info import ClientInfo
from pipetwist.errors import ConnectError, NobodyListensError, StartError
from pipetwist.interfaces import IClientOutbound, ISide
from pipetwist.kernel.context import kernel_context
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.network.effective_ids import CannotChangeBackError, Ids
from pipetwist.outbounds import as_client
from pipetwist.outbounds import unix as unix_outbound
from pipetwist.outbounds.as_client import ClientConnector, ids_of
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.unix import UnixOutbound, UnixOutboundOptions
from pipetwist.testing import FakeSide
from pipetwist.transfer.adoption import adopted_side
from pipetwist.transfer.peer_credentials import PEER_CREDENTIALS
from tests.support.loop import KernelCase
from tests.support.memory_transport import TurningReactor
from tests.support.scratch import scratch_folder

_IDS = Ids(4711, 4712, (4713,))


@skipUnless(PEER_CREDENTIALS, "needs SO_PEERCRED")
class IdsTest(KernelCase):
    """Who a client is."""

    def test_who(self) -> None:
        """It is whom the kernel says, whatever moves its bytes."""
        groups = frozenset(os.getgroups())
        near, _ = self.pair()
        side = SocketSide(self.kernel, near)
        self.addCleanup(side.abort)
        self.assertEqual(ids_of(side), Ids(os.geteuid(), os.getegid(), groups))
        reactor = TurningReactor()
        adopted = adopted_side(reactor, None, self.pair()[0].dup())
        self.assertEqual(ids_of(adopted), Ids(os.geteuid(), os.getegid(), groups))
        adopted.abort()
        reactor.pump([0.01] * 3)

    def test_unknown(self) -> None:
        """It is nobody where it has not come by a unix socket."""
        side = SocketSide(self.kernel, self.pair(socket.AF_INET)[0])
        self.addCleanup(side.abort)
        for client in (side, FakeSide()):
            error = self.assertRaises(ConnectError, ids_of, client)
            self.assertIn("the client has not come by a unix socket", str(error))

    def test_foreign(self) -> None:
        """Nor where it is a user of another user namespace who has no number here."""
        side = SocketSide(self.kernel, self.pair()[0])
        self.addCleanup(side.abort)
        self.patch(as_client, "overflow_uid", os.geteuid)
        error = self.assertRaises(ConnectError, ids_of, side)
        self.assertIn(
            f"the client's uid, {os.geteuid()}, is that of every user of other", str(error)
        )


class _Threads:
    """Starts no thread: a test says when what is called in one is called."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.fail = False

    def start(self, call: Callable[[], None]) -> None:
        """See `UnawaitedThreads.start`."""
        if self.fail:
            raise RuntimeError
        self.calls.append(call)

    def run(self) -> None:
        """Make the next call."""
        self.calls.pop(0)()


class ConnectorTest(KernelCase):
    """How a connection is made."""

    def setUp(self) -> None:
        """Listen."""
        super().setUp()
        self.path = str(scratch_folder(self) / "out.sock")
        self.server = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.server.close)
        self.server.bind(self.path)
        self.server.listen(0)
        self.threads = _Threads()
        self.failed: list[StartError] = []
        self.asked: list[Ids] = []
        self.answer: Exception | None = None
        self.connector = ClientConnector(self, self.failed.append, self.threads.start, self.call_as)
        self.callLater = self.loop.callLater
        self.told: list[Callable[[], None]] = []

    def callFromThread(self, call: Callable[..., None], *arguments: Any) -> None:
        """See `IReactorFromThreads`."""
        self.told.append(partial(call, *arguments))

    def settle(self) -> None:
        """Have the reactor's thread do what it was told."""
        while self.told:
            self.told.pop(0)()

    def call_as(self, ids: Ids, call: Callable[[], int]) -> int:
        """Call it as ourselves."""
        self.asked.append(ids)
        if self.answer is not None:
            raise self.answer
        return call()

    def connect(self) -> Deferred[ISide]:
        """Begin to connect."""
        return self.connector.connect(
            _IDS, self.path, "there", lambda connected: SocketSide(self.kernel, connected)
        )

    def test_connected(self) -> None:
        """It is made in the thread, as the client, and the side comes into the reactor's."""
        connecting = self.connect()
        self.assertEqual(self.asked, [])
        self.threads.run()
        self.assertNoResult(connecting)
        self.settle()
        self.successResultOf(connecting).abort()
        self.assertEqual(self.asked, [_IDS])

    def test_refused(self) -> None:
        """The system's refusal is reported with its words."""
        self.server.close()
        connecting = self.connect()
        self.threads.run()
        self.settle()
        error = self.failureResultOf(connecting, NobodyListensError)
        self.assertEqual(str(error.value), "there: Connection refused")

    def test_not_them(self) -> None:
        """So is that it can't be the client."""
        self.answer = OSError(errno.EPERM, os.strerror(errno.EPERM))
        connecting = self.connect()
        self.threads.run()
        self.settle()
        error = self.failureResultOf(connecting, ConnectError)
        self.assertEqual(
            str(error.value),
            "there: the client's ids can't be taken (uid 4711): Operation not permitted",
        )

    def test_busy(self) -> None:
        """A backlog that is full is tried again, in a thread each time, until it is given up."""
        with socket.socket(socket.AF_UNIX) as waits:
            waits.connect(self.path)
            connecting = self.connect()
            for _ in range(3):
                self.threads.run()
                self.settle()
                self.assertNoResult(connecting)
                self.loop.advance(0.01)
            self.server.accept()[0].close()
            self.threads.run()
            self.settle()
            self.successResultOf(connecting).abort()
            given_up = self.connect()
            self.threads.run()
            self.settle()
            given_up.cancel()
            self.failureResultOf(given_up)
        self.assertEqual(self.threads.calls, [])

    def test_given_up(self) -> None:
        """What is given up while its thread is at it is closed once that is done, so that the
        thread never has another's descriptor.
        """
        connecting = self.connect()
        connecting.cancel()
        self.failureResultOf(connecting)
        self.threads.run()
        self.settle()
        with self.server.accept()[0] as peer:
            self.assertEqual(peer.recv(1), b"")

    def test_no_thread(self) -> None:
        """Where there is no thread it fails."""
        self.threads.fail = True
        error = self.failureResultOf(self.connect(), ConnectError)
        self.assertEqual(str(error.value), "there: this process may have no more threads")

    def test_stuck(self) -> None:
        """If a thread can't be itself again the daemon is told to end, and the thread does nothing
        any more.
        """
        waits: list[object] = []
        attempts: list[Any] = []
        start = self.connector.start

        def start_noted(attempt: Any) -> None:
            attempts.append(attempt)
            start(attempt)

        self.patch(self.connector, "start", start_noted)

        class Event:
            def wait(self) -> None:
                waits.append(self)

        self.patch(threading, "Event", Event)
        self.answer = CannotChangeBackError("no")
        connecting = self.connect()
        self.threads.run()
        self.settle()
        self.assertNoResult(connecting)
        self.assertEqual(
            (list(map(str, self.failed)), len(waits)),
            (["outbound with credentials: no; it ends"], 1),
        )
        connecting.cancel()
        self.failureResultOf(connecting)
        # The thread has its descriptor for ever.
        (attempt,) = attempts
        attempt.opened.close()


class OutboundTest(SynchronousTestCase):
    """The outbound that connects so."""

    def setUp(self) -> None:
        """Be root, as far as it knows."""
        self.uid = 0
        self.patch(os, "geteuid", lambda: self.uid)
        self.patch(unix_outbound, "why_impossible", lambda: None)
        self.options = UnixOutboundOptions(tag="out", path="/x", credentials="client")

    def make(self) -> Any:
        """Make it."""
        reactor = TurningReactor()
        kernel = kernel_context(reactor)
        if kernel is not None:
            self.addCleanup(kernel.close)
        return UnixOutbound(self.options, OutboundContext(reactor, kernel=kernel))

    def test_interface(self) -> None:
        """It is one that asks who the client is, and does not connect where that is not told."""
        outbound = self.make()
        verifyObject(IClientOutbound, outbound)
        self.failureResultOf(outbound.connect(), ConnectError)
        client = SimpleNamespace(number=1, client_info=ClientInfo("in", "", ""), side=FakeSide())
        self.assertRaises(ConnectError, outbound.connect_as, client)

    def test_not_root(self) -> None:
        """It can't be made where the daemon is not root, nor is it good where that is root no
        more.
        """
        self.make()
        self.uid = 1000
        for attempt in (self.make, self.options.check_user, self.options.check_here):
            error = self.assertRaises(StartError, attempt)
            self.assertEqual(
                str(error),
                (
                    "outbound out: credentials: only root can connect as the client; leave out "
                    "--uid, or credentials"
                ),
            )

    def test_impossible(self) -> None:
        """Nor on a system where it is not possible."""
        self.patch(unix_outbound, "why_impossible", lambda: "no")
        self.assertEqual(
            str(self.assertRaises(StartError, self.make)), "outbound out: credentials: no"
        )

    def test_usual(self) -> None:
        """Any other connects as the daemon, whoever runs that."""
        self.uid = 1000
        self.options = UnixOutboundOptions(tag="out", path="/x")
        outbound = self.make()
        self.options.check_user()
        self.assertIsNone(outbound.connect_as)
