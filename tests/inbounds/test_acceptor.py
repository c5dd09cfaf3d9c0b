"""Accepting connections, with real sockets."""

from __future__ import annotations

import errno
import os
import resource
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.connection.client_info import ClientInfo
from pipetwist.descriptors import DescriptorShares
from pipetwist.inbounds.acceptor import BATCH, Acceptor
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.kernel.context import kernel_context
from pipetwist.network.accepting import SHORTAGE_SECONDS
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.testing import RecordingRelay
from tests.inbounds.inbound import NoInbound
from tests.support.memory_transport import TurningReactor
from tests.support.scratch import scratch_folder


class _Scarce(ListeningSocket):
    """Fails with these error numbers before it accepts."""

    errors: list[int]

    def take(self) -> socket.SocketType:
        if self.errors:
            number = self.errors.pop(0)
            raise OSError(number, os.strerror(number))
        return super().take()


class AcceptorTest(SynchronousTestCase):
    """An acceptor on a reactor that turns when the test says so."""

    in_kernel = False

    def setUp(self) -> None:
        """Listen, and accept."""
        self.reactor = TurningReactor()
        self.events: list[dict[str, Any]] = []
        self.accepted: list[socket.SocketType] = []
        self.listening = _Scarce(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listening.errors = []
        self.addCleanup(self.listening.close)
        self.path = str(scratch_folder(self) / "s")
        self.listening.bind(self.path)
        self.listening.listen(1000)
        kernel = kernel_context(self.reactor) if self.in_kernel else None
        if kernel is not None:
            self.addCleanup(kernel.close)
        log = Logger("pipetwist", observer=LogPublisher(self.events.append))  # type: ignore[arg-type]  # a list's append observes well
        self.inbound = InboundContext(self.reactor, RecordingRelay(), None, kernel, log)
        self.acceptor = Acceptor(self.inbound, self.listening, self.gate(self.inbound), self.accept)
        self.acceptor.start()
        self.addCleanup(self.acceptor.stop)

    def gate(self, inbound: InboundContext) -> Gate:
        """A gate that says how many may come in."""
        return Gate(NoInbound(inbound), lambda _: ClientInfo("in", "", ""))

    def accept(self, accepted: socket.SocketType) -> None:
        """Take a connection; the test's clean-up closes it."""
        self.accepted.append(accepted)
        self.addCleanup(accepted.close)

    def connect(self) -> socket.socket:
        """Connect a client; the test's clean-up closes it."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(self.path)
        return client

    def test_interface(self) -> None:
        """It is a descriptor for the reactor to read."""
        verifyObject(IReadDescriptor, self.acceptor)
        self.assertEqual(
            (self.acceptor.fileno(), self.acceptor.logPrefix()),
            (self.listening.fileno(), "acceptor"),
        )

    def test_accepts(self) -> None:
        """Everybody who waits is accepted, and nobody is waited for."""
        clients = [self.connect() for _ in range(3)]
        self.reactor.turn()
        self.assertEqual(len(self.accepted), 3)
        for client, accepted in zip(clients, self.accepted, strict=True):
            accepted.sendall(b"hello")
            self.assertEqual(client.recv(99), b"hello")
        self.assertEqual(self.reactor.turn(), 0)

    def test_batch(self) -> None:
        """Of many who wait so many are accepted in one turn, the others in the next."""
        clients = [self.connect() for _ in range(BATCH + 5)]
        self.acceptor.doRead()
        self.assertEqual(len(self.accepted), BATCH)
        self.acceptor.doRead()
        self.assertEqual(len(self.accepted), len(clients))

    def test_stop(self) -> None:
        """After a stop no client is accepted any more, waiting or new; it may be stopped again, and
        started.
        """
        self.acceptor.stop()
        self.acceptor.stop()
        self.connect()
        self.reactor.turn()
        self.assertEqual(self.accepted, [])
        self.assertEqual(self.reactor.readers, set())
        self.acceptor.start()
        self.reactor.turn()
        self.assertEqual(len(self.accepted), 1)

    def share(self, limit: int) -> DescriptorShares:
        """Have so many descriptors to share, of which each connection takes two."""
        shares = DescriptorShares(limit, self.inbound.log)
        shares.divide({"in": 1}, {"out": 1})
        self.patch(self.acceptor, "_gate", self.gate(replace(self.inbound, shares=shares)))

        def accept(accepted: socket.SocketType) -> None:
            self.accept(accepted)
            shares.share("in").opened("out")

        self.patch(self.acceptor, "_accept", accept)
        return shares

    def test_share(self) -> None:
        """As many come in as there are descriptors for; the others wait, which is said once, and
        each comes in when one has ended.
        """
        shares = self.share(64 + 6)
        for _ in range(3):
            self.connect()
        self.reactor.turn()
        self.assertEqual((len(self.accepted), self.events), (3, []))
        for _ in range(3):
            self.connect()
        self.reactor.turn()
        self.assertEqual((len(self.accepted), self.reactor.turn()), (3, 0))
        for come in (4, 5, 6):
            shares.share("in").closed("out")
            self.reactor.turn()
            self.assertEqual(len(self.accepted), come)
            self.reactor.turn()
        self.assertEqual([event["log_level"].name for event in self.events], ["warn"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stop_without_room(self) -> None:
        """Stopped while there is no room it does not begin again when there is."""
        shares = self.share(64 + 4)
        for _ in range(3):
            self.connect()
        for _ in range(2):
            self.reactor.turn()
        self.acceptor.stop()
        shares.share("in").closed("out")
        self.reactor.turn()
        self.assertEqual((len(self.accepted), self.reactor.readers), (2, set()))

    def test_shortage(self) -> None:
        """A shortage is reported, once as long as it lasts, and accepting is tried again after a
        moment and not before.
        """
        for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            self.events.clear()
            self.accepted.clear()
            self.listening.errors = [number, number]
            self.connect()
            for _ in range(2):
                self.reactor.turn()
                self.assertEqual(self.reactor.turn(), 0)
                self.assertEqual(self.accepted, [])
                self.reactor.advance(SHORTAGE_SECONDS)
            self.reactor.turn()
            self.assertEqual(len(self.accepted), 1)
            (event,) = self.events
            self.assertEqual(
                (event["log_level"].name, event["error"]), ("warn", os.strerror(number))
            )

    def test_told_again(self) -> None:
        """A shortage that comes again later is reported again."""
        for _ in range(2):
            self.listening.errors = [errno.EMFILE]
            self.connect()
            self.reactor.turn()
            self.reactor.advance(SHORTAGE_SECONDS)
            self.reactor.turn()
        self.assertEqual((len(self.events), len(self.accepted)), (2, 2))

    def test_stop_during_a_shortage(self) -> None:
        """A stop during a shortage leaves nothing on the clock."""
        self.listening.errors = [errno.EMFILE]
        self.connect()
        self.reactor.turn()
        self.acceptor.stop()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_gone_before(self) -> None:
        """A client that was gone before it was accepted is ignored, and the next is accepted."""
        self.listening.errors = [errno.ECONNABORTED, errno.EPROTO, errno.EINTR]
        self.connect()
        self.reactor.turn()
        self.listening.errors = []
        self.reactor.turn()
        self.assertEqual((len(self.accepted), self.events), (1, []))

    def test_mistake(self) -> None:
        """A mistake with one connection is logged, and the next is accepted all the same."""

        def fail_once(accepted: socket.SocketType) -> None:
            accepted.close()
            self.patch(self.acceptor, "_accept", self.accept)
            message = "a mistake"
            raise ValueError(message)

        self.patch(self.acceptor, "_accept", fail_once)
        self.connect()
        self.connect()
        self.reactor.turn()
        self.assertEqual(len(self.accepted), 1)
        (event,) = self.events
        self.assertEqual(
            (event["log_level"].name, str(event["log_failure"].value)), ("critical", "a mistake")
        )


class KernelAcceptorTest(AcceptorTest):
    """The same on a poller."""

    in_kernel = True

    def test_refused_by_epoll(self) -> None:
        """If the kernel refuses to watch the socket again after a shortage, that is one more
        shortage, and not the end of listening.
        """
        kernel = self.inbound.kernel
        assert kernel is not None
        add, refusals = kernel.poller.add, [errno.ENOSPC, errno.ENOMEM]

        def refuse(*arguments: Any) -> None:
            if refusals:
                number = refusals.pop()
                raise OSError(number, os.strerror(number))
            add(*arguments)

        self.listening.errors = [errno.EMFILE]
        self.connect()
        self.reactor.turn()
        self.patch(kernel.poller, "add", refuse)
        for _ in range(2):
            self.reactor.advance(SHORTAGE_SECONDS)
            self.reactor.turn()
            self.assertEqual(self.accepted, [])
        self.reactor.advance(SHORTAGE_SECONDS)
        self.reactor.turn()
        self.assertEqual((len(self.accepted), len(self.events)), (1, 1))


class LimitTest(SynchronousTestCase):
    """The system's own limit."""

    def test_descriptors(self) -> None:
        """A process that has no descriptor left goes on when it has some again; the clients that
        waited come in then.
        """
        program = """
import resource, socket, sys
from pipetwist.inbounds.acceptor import Acceptor
from pipetwist.network.accepting import SHORTAGE_SECONDS
from pipetwist.inbounds.gate import Gate
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.inbounds.context import InboundContext
from pipetwist.testing import RecordingRelay
from tests.inbounds.inbound import NoInbound
from tests.support.memory_transport import TurningReactor
reactor = TurningReactor()
listening = ListeningSocket(socket.AF_UNIX, socket.SOCK_STREAM)
listening.bind("\\0pipetwist-test-%d" % __import__("os").getpid())
listening.listen(100)
accepted = []
inbound = InboundContext(reactor, RecordingRelay())
acceptor = Acceptor(inbound, listening, Gate(NoInbound(inbound), str), accepted.append)
acceptor.start()
clients = [socket.socket(socket.AF_UNIX) for _ in range(30)]
for client in clients:
    client.connect(listening.getsockname())
resource.setrlimit(resource.RLIMIT_NOFILE, (max(client.fileno() for client in clients) + 11, 4096))
reactor.turn()
few = len(accepted)
for connection in accepted:
    connection.close()
for _ in range(9):
    reactor.advance(SHORTAGE_SECONDS)
    reactor.turn()
    for connection in accepted:
        connection.close()
print(few, len(accepted))
"""
        said = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        self.assertEqual(said.stdout, "10 30\n")
        self.assertGreater(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 60)


class ListeningSocketTest(SynchronousTestCase):
    """The socket that hands out connections."""

    def test_take(self) -> None:
        """What it hands out is a socket as Python's own accept makes it: of the same kind, and not
        inherited.
        """
        for family, address in ((socket.AF_UNIX, ""), (socket.AF_INET, ("127.0.0.1", 0))):
            with (
                ListeningSocket(family, socket.SOCK_STREAM) as listening,
                socket.socket(family) as client,
            ):
                listening.bind(address)
                listening.listen()
                client.connect(listening.getsockname())
                with closing(listening.take()) as accepted:
                    self.assertEqual(
                        (accepted.family, accepted.type, accepted.proto),
                        (family, socket.SOCK_STREAM, 0),
                    )
                    self.assertFalse(os.get_inheritable(accepted.fileno()))
                    accepted.sendall(b"hello")
                    self.assertEqual(client.recv(99), b"hello")

    def test_nobody(self) -> None:
        """Where nobody waits it raises what accept raises."""
        with ListeningSocket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind("")
            listening.listen()
            listening.setblocking(False)
            self.assertRaises(BlockingIOError, listening.take)
