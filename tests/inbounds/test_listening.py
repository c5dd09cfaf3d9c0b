"""What inbounds have in common: listening as a service."""

from __future__ import annotations

import gc
import socket
from typing import Any

from twisted.application.service import IService
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.errors import StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.gate import Gate
from pipetwist.inbounds.listening import EndpointListener, ListeningService, address_client_info
from pipetwist.kinds.inbound_options import StreamInboundOptions
from pipetwist.network.listeners import ListenerTable
from pipetwist.testing import RecordingRelay
from pipetwist.values.bind_address import PortAddress
from tests.inbounds.inbound import NoInbound


def _gate() -> Gate:
    """An inbound's gate, which has room for all."""
    return Gate(
        NoInbound(InboundContext(None, RecordingRelay())), lambda _: ClientInfo("in", "", "")
    )


class _Service(ListeningService):
    """Listens as the test wishes."""

    def __init__(self, failed: Any) -> None:
        super().__init__(
            StreamInboundOptions(tag="in", idle_timeout=1, half_close_timeout=2),
            InboundContext(None, RecordingRelay(), failed=failed),
        )
        self.listening: Deferred[None] | Exception | None = None
        self.asked: list[str] = []

    def listen(self) -> Deferred[None]:
        self.asked.append("listen")
        if isinstance(self.listening, Exception):
            raise self.listening
        return self.listening or succeed(None)

    def stop_listening(self) -> Deferred[None]:
        self.asked.append("stop")
        return succeed(None)


class ServiceTest(SynchronousTestCase):
    """An inbound's start and stop."""

    def setUp(self) -> None:
        """Make one."""
        self.failures: list[StartError] = []
        self.service = _Service(self.failures.append)

    def test_options(self) -> None:
        """It is a service that has its tag and its time-outs from its options."""
        verifyObject(IService, self.service)
        self.assertEqual(
            (self.service.tag, self.service.timeouts), ("in", Timeouts(idle=1, half_close=2))
        )

    def test_twistd(self) -> None:
        """Under twistd it starts in two steps, and it listens in the first, once."""
        self.service.privilegedStartService()
        self.assertEqual(self.service.asked, ["listen"])
        self.service.startService()
        self.assertEqual((self.service.asked, self.service.running), (["listen"], 1))

    def test_twist(self) -> None:
        """Under twist it starts in one."""
        self.service.startService()
        self.assertEqual(self.service.asked, ["listen"])

    def test_again(self) -> None:
        """After a stop it can be started again."""
        self.service.startService()
        self.successResultOf(self.service.stopService())
        self.assertFalse(self.service.running)
        self.service.startService()
        self.assertEqual(self.service.asked, ["listen", "stop", "listen"])

    def test_fails(self) -> None:
        """Listening that fails stops the start, in either step, whether it fails or raises; another
        try listens again.
        """
        for error in (StartError("taken"), ValueError("a mistake")):
            for start in (self.service.privilegedStartService, self.service.startService):
                self.service.listening = error
                self.assertIs(self.assertRaises(type(error), start), error)
                self.service.listening = Deferred()
                self.service.listening.errback(Failure(error))
                self.assertIs(self.assertRaises(type(error), start), error)
        self.service.listening = None
        self.service.startService()
        self.assertEqual((self.service.asked.count("listen"), self.failures), (9, []))

    def test_fails_later(self) -> None:
        """If listening fails only later, the context's `failed` is called; another start listens
        again.
        """
        listening = self.service.listening = Deferred()
        self.service.startService()
        self.assertEqual(self.failures, [])
        listening.errback(Failure(StartError("taken")))
        self.assertEqual([str(failure) for failure in self.failures], ["taken"])
        self.service.listening = None
        self.service.startService()
        self.assertEqual(self.service.asked, ["listen", "listen"])

    def test_fails_later_by_mistake(self) -> None:
        """Another error is reported as one of starting, with the inbound's name."""
        listening = self.service.listening = Deferred()
        self.service.startService()
        listening.errback(Failure(OSError(13, "Permission denied")))
        self.assertEqual(
            [str(failure) for failure in self.failures], ["inbound in: Permission denied"]
        )

    def test_succeeds_later(self) -> None:
        """If listening succeeds later, nothing is reported."""
        listening = self.service.listening = Deferred()
        self.service.startService()
        listening.callback(None)
        self.assertEqual(self.failures, [])

    def test_fails_after_the_stop(self) -> None:
        """If listening fails after the service was stopped, nothing is reported."""
        listening = self.service.listening = Deferred()
        self.service.startService()
        self.service.stopService()
        listening.errback(Failure(StartError("taken")))
        self.assertEqual(self.failures, [])

    def test_nobody_to_tell(self) -> None:
        """If nobody said whom to tell it is raised, and so logged."""
        service = _Service(InboundContext(None, RecordingRelay()).failed)
        listening = service.listening = Deferred()
        service.startService()
        listening.errback(Failure(StartError("taken")))
        self.assertRaises(StartError, service.context.failed, StartError("taken"))
        del listening
        service.listening = None
        gc.collect()
        self.assertEqual(len(self.flushLoggedErrors(StartError)), 1)


@implementer(IListeningPort)
class _Port:
    """A port that can be stopped."""

    stopped = 0

    def startListening(self) -> None:
        pass

    def stopListening(self) -> Deferred[None]:
        self.stopped += 1
        return succeed(None)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 1)


@implementer(IStreamServerEndpoint)
class _Endpoint:
    """Listens when the test says so."""

    def __init__(self) -> None:
        self.listening: list[Deferred[Any]] = []

    def listen(self, protocolFactory: Any) -> Deferred[Any]:
        self.listening.append(Deferred())
        return self.listening[-1]


class EndpointListenerTest(SynchronousTestCase):
    """Listening on a Twisted endpoint."""

    def setUp(self) -> None:
        """Begin to listen."""
        self.endpoint = _Endpoint()
        self.listener = EndpointListener(_gate())
        self.outcome = self.listener.listen(self.endpoint, Factory())

    def test_listens(self) -> None:
        """It listens as soon as the endpoint does, and stops with it."""
        port = _Port()
        self.assertNoResult(self.outcome)
        self.endpoint.listening[0].callback(port)
        self.successResultOf(self.outcome)
        self.assertIs(self.listener.port, port)
        self.successResultOf(self.listener.stop())
        self.assertEqual((port.stopped, self.listener.port), (1, None))
        self.successResultOf(self.listener.stop())
        self.assertEqual(port.stopped, 1)

    def test_once(self) -> None:
        """It listens once, whether it does already or is about to."""
        self.successResultOf(self.listener.listen(self.endpoint, Factory()))
        self.endpoint.listening[0].callback(_Port())
        self.successResultOf(self.listener.listen(self.endpoint, Factory()))
        self.assertEqual(len(self.endpoint.listening), 1)

    def test_stopped_meanwhile(self) -> None:
        """An endpoint that listens only after the stop is stopped then."""
        port = _Port()
        self.successResultOf(self.listener.stop())
        self.endpoint.listening[0].callback(port)
        self.assertEqual((port.stopped, self.listener.port), (1, None))
        self.successResultOf(self.outcome)

    def test_fails(self) -> None:
        """If it can't listen, it is said where and why, as far as Twisted says it; it may be tried
        again.
        """
        taken = OSError(98, "Address already in use")
        for error, said in (
            (
                CannotListenError("127.0.0.1", 80, taken),
                "can't listen on 127.0.0.1:80: Address already in use",
            ),
            (
                CannotListenError("::1", 80, taken),
                "can't listen on [::1]:80: Address already in use",
            ),
            (
                CannotListenError(None, "/run/in.sock", taken),
                "can't listen on /run/in.sock: Address already in use",
            ),
            (CannotListenError("", 80, taken), "can't listen on port 80: Address already in use"),
            (ValueError("a mistake"), "can't listen: a mistake"),
        ):
            self.setUp()
            self.endpoint.listening[0].errback(Failure(error))
            self.assertEqual(
                str(self.failureResultOf(self.outcome, StartError).value), f"inbound in: {said}"
            )
            self.listener.listen(self.endpoint, Factory())
            self.assertEqual(len(self.endpoint.listening), 2)

    def test_raises(self) -> None:
        """An endpoint that raises has failed."""

        class Raises(_Endpoint):
            def listen(self, protocolFactory: Any) -> Deferred[Any]:
                message = "a mistake"
                raise ValueError(message)

        failure = self.failureResultOf(
            EndpointListener(_gate()).listen(Raises(), Factory()), StartError
        )
        self.assertEqual(str(failure.value), "inbound in: can't listen: a mistake")


class ClientInfoTest(SynchronousTestCase):
    """Clients known by an address."""

    def test_addresses(self) -> None:
        """A client's peer has the port, its source has not; a unix socket has neither."""
        timeouts = Timeouts()
        for address, peer, source, whole in (
            (IPv4Address("TCP", "10.0.0.1", 80), "10.0.0.1:80", "10.0.0.1", ("10.0.0.1", 80)),
            (IPv6Address("TCP", "fe80::1", 80), "[fe80::1]:80", "fe80::1", ("fe80::1", 80)),
            (
                IPv6Address("TCP", "::ffff:10.0.0.1", 80),
                "10.0.0.1:80",
                "10.0.0.1",
                ("10.0.0.1", 80),
            ),
            (UNIXAddress(b"/run/x"), "unix", "unix", None),
            (None, "unix", "unix", None),
        ):
            self.assertEqual(
                address_client_info("in", address, timeouts),
                ClientInfo("in", peer, source, None, timeouts, whole),
            )
        self.assertEqual(
            address_client_info("in", IPv4Address("TCP", "10.0.0.1", 80), timeouts, "alice").user,
            "alice",
        )


class TcpSocketTest(SynchronousTestCase):
    """Listening on a TCP port without Twisted's endpoints."""

    def listen(self, host: str, port: int = 0) -> socket.socket:
        """Listen; the test's clean-up closes it."""
        listening, *others = ListenerTable().open_ports(
            "inbound in", PortAddress(host, port), lambda _: None, asked="inbound in: listen"
        )
        for one in (listening, *others):
            self.addCleanup(one.close)
        return listening

    def test_addresses(self) -> None:
        """It listens on an address or on a name, on a port or on a free one."""
        for host in ("127.0.0.1", "localhost"):
            listening = self.listen(host)
            address = listening.getsockname()
            with socket.create_connection(address[:2]):
                accepted = listening.accept()[0]
                accepted.close()
        self.assertGreater(address[1], 0)

    def test_version_6(self) -> None:
        """An address of version 6 leaves the same port of version 4 to others."""
        try:
            listening = self.listen("::1")
        except StartError as error:
            self.assertIn("can't listen on [::1]:0", str(error))
            return
        self.assertTrue(listening.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))

    def test_taken(self) -> None:
        """A port that is taken is reported with its address, and is not shared; one that was left
        just now is not taken.
        """
        port = self.listen("127.0.0.1").getsockname()[1]
        error = self.assertRaises(StartError, self.listen, "127.0.0.1", port)
        self.assertEqual(
            str(error), f"inbound in: can't listen on 127.0.0.1:{port}: Address already in use"
        )

    def test_used_before(self) -> None:
        """A port on which connections have just ended can be listened on again."""
        listening = self.listen("127.0.0.1")
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            listening.accept()[0].close()
        listening.close()
        self.assertEqual(self.listen("127.0.0.1", port).getsockname()[1], port)

    def test_no_address(self) -> None:
        """What is not an address is reported."""
        error = self.assertRaises(StartError, self.listen, "300.300.300.300")
        self.assertIn("inbound in: listen: 300.300.300.300 is not an address: ", str(error))
