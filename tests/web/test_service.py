"""The listener as a service, on real sockets."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SkipTest, TestCase

from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.network import tcp_ports
from pipetwist.network.listeners import ListenerTable
from pipetwist.network.listening import ListenHosts
from pipetwist.network.lookups import Lookups
from pipetwist.values.bind_address import PortAddress
from pipetwist.web.answers import TextAnswer
from pipetwist.web.options import WebOptions, WebTlsOptions
from pipetwist.web.service import WebService
from tests.support.certificates import Authority
from tests.support.scratch import free_port, scratch_folder
from tests.support.shared_certificates import AUTHORITY, CLIENT, SERVER, client_context
from tests.support.web_client import Answer, parse_answer

_TLS = WebTlsOptions(
    certificate_path=SERVER[0], key_path=SERVER[1], client_certificate_path=AUTHORITY
)


class _ServiceCase(TestCase):
    timeout = 300

    def make(self, listen: str = "127.0.0.1:0", **options: Any) -> WebService:
        """Make the service with a page; the test's clean-up stops it."""
        service = WebService(WebOptions(listen=listen, **options), reactor)
        service.put("", TextAnswer(200, "the page"))
        self.addCleanup(service.stopService)
        return service

    def ask(self, service: WebService, context: ssl.SSLContext | None = None) -> Deferred[Answer]:
        """Ask for the page, in a thread."""
        assert service.address is not None
        return deferToThread(_ask, (service.address.host, service.address.port), context)


class ListeningTest(_ServiceCase):
    """Where it may listen."""

    async def test_serving(self) -> None:
        """Started it listens, twistd's two steps do it once, and stopped it does not any more; it
        can be started again.
        """
        service = self.make()
        for _ in range(2):
            service.privilegedStartService()
            address = service.address
            service.startService()
            self.assertEqual(service.address, address)
            self.assertEqual((await self.ask(service)).body, b"the page\n")
            await service.stopService()
            self.assertIsNone(service.address)

    async def test_ipv6(self) -> None:
        """It listens on an IPv6 address."""
        service = self.make("[::1]:0")
        service.startService()
        self.assertEqual((await self.ask(service)).status, 200)

    async def test_tls(self) -> None:
        """With TLS, clients may be asked for a certificate, and whoever has none gets nothing."""
        service = self.make("0.0.0.0:0", tls=_TLS)
        service.startService()
        self.assertEqual((await self.ask(service, client_context())).status, 200)
        without = ssl.create_default_context(cafile=AUTHORITY)
        # In 1.3 a client that is refused learns of it only later.
        without.maximum_version = ssl.TLSVersion.TLSv1_2
        await self.assertFailure(self.ask(service, without), ssl.SSLError, ConnectionResetError)

    async def test_tls_turned_off(self) -> None:
        """TLS that is turned off is not spoken, and may lack everything else."""
        service = self.make(tls=WebTlsOptions(enabled=False))
        service.startService()
        self.assertEqual((await self.ask(service)).status, 200)

    async def test_offered_protocols(self) -> None:
        """Over TLS HTTP/1.1 is agreed on with who offers it, as curl, Prometheus and browsers do;
        who offers something else gets it too.
        """
        service = self.make(tls=WebTlsOptions(certificate_path=SERVER[0], key_path=SERVER[1]))
        service.startService()
        for offered in (["h2", "http/1.1"], ["h2"], []):
            context = ssl.create_default_context(cafile=AUTHORITY)
            context.set_alpn_protocols(offered)
            self.assertEqual((await self.ask(service, context)).body, b"the page\n", offered)

    async def test_renewed(self) -> None:
        """Certificates that were read again are shown to who connects; where one can't be used the
        old one is shown on.
        """
        folder = scratch_folder(self)
        authority = Authority(folder, "new")
        renewed = [str(path) for path in authority.issue("localhost")]
        service = self.make(tls=WebTlsOptions(certificate_path=SERVER[0], key_path=SERVER[1]))
        service.startService()
        show = service.read_certificates(
            WebTlsOptions(certificate_path=renewed[0], key_path=renewed[1])
        )
        before, after = (
            ssl.create_default_context(cafile=path) for path in (AUTHORITY, str(authority.path))
        )
        self.assertEqual((await self.ask(service, before)).status, 200)
        show()
        self.assertEqual((await self.ask(service, after)).status, 200)
        await self.assertFailure(self.ask(service, before), ssl.SSLError)
        Path(renewed[1]).write_bytes(b"no key")
        self.assertIn(
            "metrics: tls.key_path",
            str(self.assertRaises(StartError, service.read_certificates, None)),
        )
        self.assertEqual((await self.ask(service, after)).status, 200)

    async def test_failed_handshakes(self) -> None:
        """Who fails its TLS handshake is logged with its address and the cause; who completes it is
        not.
        """
        service = self.make(tls=WebTlsOptions(certificate_path=SERVER[0], key_path=SERVER[1]))
        service.startService()
        with capturedLogs() as events:
            plain = await deferToThread(
                _knock,
                service.address,
                b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            )
            silent = await deferToThread(_knock, service.address, b"")
            await self.assertFailure(self.ask(service, ssl.create_default_context()), ssl.SSLError)
            self.assertEqual((await self.ask(service, client_context())).status, 200)
            await service.stopService()
        first, second, third = (
            formatEvent(event) for event in events if "handshake" in str(event.get("log_format"))
        )
        self.assertEqual(
            first, f"metrics: the TLS handshake with {plain} failed: TLS: http request"
        )
        self.assertEqual(
            second, f"metrics: the TLS handshake with {silent} failed: it was not completed"
        )
        self.assertRegex(
            third,
            r"^metrics: the TLS handshake with 127\.0\.0\.1:\d+ failed: TLS: tlsv1 alert "
            r"unknown ca$",
        )

    async def test_no_handshakes(self) -> None:
        """Without TLS nobody fails one."""
        service = self.make()
        service.startService()
        with capturedLogs() as events:
            await deferToThread(_knock, service.address, b"")
            await service.stopService()
        self.assertEqual(
            [event for event in events if "handshake" in str(event.get("log_format"))], []
        )

    def test_known_files(self) -> None:
        """Its files are remembered with those of inbounds: a reload can do without a key that only
        root may read while it is unchanged.
        """
        files = KnownFiles()
        WebService(WebOptions(listen="127.0.0.1:0", tls=_TLS), reactor, files=files)
        for path in (*SERVER, AUTHORITY):
            self.assertIn(path, repr(files))

    async def test_nothing_to_renew(self) -> None:
        """Without TLS nothing is read again, whatever another configuration says of it."""
        service = self.make()
        service.startService()
        service.read_certificates(WebTlsOptions(certificate_path="/no.pem", key_path="/no.key"))()
        self.assertEqual((await self.ask(service)).status, 200)

    async def test_stop(self) -> None:
        """The stop ends who is still connected, and takes no time for it."""
        service = self.make()
        service.startService()
        assert service.address is not None
        with socket.create_connection((service.address.host, service.address.port), 20) as client:
            await self.ask(service)
            await service.stopService()
            self.assertEqual(await deferToThread(_rest, client), b"")

    async def test_calls(self) -> None:
        """What is to be called is called when it listens, at each start, and before each stop; not
        where it can't listen.
        """
        service, called = self.make(), list[str]()
        service.after_start(lambda: called.append(f"started at {service.address}"))
        service.before_stop(lambda: called.append("stops"))
        service.privilegedStartService()
        self.assertEqual(called, [])
        for _ in range(2):
            service.startService()
            self.assertEqual(called, [f"started at {service.address}"])
            await service.stopService()
            self.assertEqual(called.pop(), "stops")
            called.clear()
        taken = self.make("no-such-host.invalid:0", insecure=True)
        taken.after_start(lambda: called.append("started"))
        self.assertRaises(StartError, taken.startService)
        self.assertEqual(called, [])

    async def test_taken(self) -> None:
        """A port that is another's stops the start, with its place and the reason."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            label = f"127.0.0.1:{other.getsockname()[1]}"
            error = self.assertRaises(StartError, self.make(label).privilegedStartService)
        self.assertEqual(
            str(error), f"metrics.listen: can't listen on {label}: Address already in use"
        )

    async def test_unknown(self) -> None:
        """So does a name that nothing is known of."""
        error = self.assertRaises(
            StartError, self.make("no-such-host.invalid:0", insecure=True).startService
        )
        self.assertIn("metrics.listen: no-such-host.invalid is not an address: ", str(error))

    async def test_both_families(self) -> None:
        """Every address is that of both families, and a name is listened at on each of its
        addresses, as at an inbound.
        """

        def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
                for address in ("127.0.0.2", "192.0.2.1", "127.0.0.3")
            ]

        listeners = ListenerTable(hosts=ListenHosts(Lookups(None, getaddrinfo)))
        for listen, addresses in (
            ("[::]:0", ("127.0.0.1", "::1")),
            ("relay:0", ("127.0.0.2", "127.0.0.3")),
        ):
            service = WebService(
                WebOptions(listen=listen, insecure=True), reactor, listeners=listeners
            )
            service.put("", TextAnswer(200, "the page"))
            self.addCleanup(service.stopService)
            with capturedLogs() as events:
                try:
                    service.startService()
                except StartError as error:
                    raise SkipTest(str(error)) from error
            assert service.address is not None
            for address in addresses:
                self.assertEqual(
                    (await deferToThread(_ask, (address, service.address.port), None)).body,
                    b"the page\n",
                )
            warned = [formatEvent(event) for event in events if event["log_level"].name == "warn"]
            await service.stopService()
        self.assertEqual(
            warned,
            [
                (
                    "metrics.listen: relay is also 192.0.2.1, where it can't listen: Cannot "
                    "assign requested address"
                )
            ],
        )

    def test_opened_by_twisted(self) -> None:
        """A reactor that can't be given sockets opens one itself; a port that is taken is reported
        as ever.
        """
        self.patch(tcp_ports, "takes_sockets", lambda _: False)
        memory = MemoryReactorClock()
        service = WebService(WebOptions(listen="127.0.0.1:9100"), memory)
        service.startService()
        ((port, _, _, interface),) = memory.tcpServers
        self.assertEqual((port, interface), (9100, "127.0.0.1"))

        def refuse(port: int, factory: object, backlog: int = 50, interface: str = "") -> None:
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))

        self.patch(memory, "listenTCP", refuse)
        error = self.assertRaises(
            StartError, WebService(WebOptions(listen="127.0.0.1:9100"), memory).startService
        )
        self.assertEqual(
            str(error), "metrics.listen: can't listen on 127.0.0.1:9100: Address already in use"
        )


class RefusedTest(_ServiceCase):
    """Where it may not."""

    def test_reachable(self) -> None:
        """An address that others reach needs TLS, or the word that it may be insecure."""
        error = self.assertRaises(StartError, self.make, "0.0.0.0:0")
        self.assertTrue(
            str(error).startswith(
                "metrics.listen: 0.0.0.0:0 can be reached from other machines without TLS"
            )
        )
        self.make("0.0.0.0:0", insecure=True)

    def test_other_addresses(self) -> None:
        """What is no TCP port is refused, should somebody build the options by hand."""
        for listen, words in (
            ("nowhere", "is not an address"),
            ("unix:/run/x", "is a unix socket"),
        ):
            self.assertIn(words, str(self.assertRaises(StartError, self.make, listen)))

    def test_certificate(self) -> None:
        """A certificate that can't be used is reported before anything listens."""
        tls = WebTlsOptions(certificate_path=SERVER[0], key_path=CLIENT[1])
        error = self.assertRaises(StartError, self.make, f"127.0.0.1:{free_port(self)}", tls=tls)
        self.assertIn("metrics: tls.key_path", str(error))


def _knock(address: PortAddress | None, says: bytes) -> str:
    """Say something without TLS, or nothing, and wait for the end; where it was said from."""
    assert address is not None
    with socket.create_connection((address.host, address.port), 20) as client:
        client.sendall(says)
        client.shutdown(socket.SHUT_WR)
        _rest(client)
        return "{}:{}".format(*client.getsockname())


def _ask(address: tuple[str, int], context: ssl.SSLContext | None) -> Answer:
    with socket.create_connection(address, 20) as plain:
        client = (
            plain if context is None else context.wrap_socket(plain, server_hostname="localhost")
        )
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return parse_answer(_rest(client))


def _rest(client: socket.socket) -> bytes:
    chunks = []
    try:
        while chunk := client.recv(4096):
            chunks.append(chunk)
    except ConnectionResetError:
        pass
    return b"".join(chunks)
