"""TLS from PEM files, for both ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from OpenSSL import crypto
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    PrivateCertificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test.iosim import connectedServerAndClient
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pipetwist.errors import StartError
from pipetwist.files import KnownFiles
from pipetwist.tls import pem
from pipetwist.tls.connector import ConnectorTls
from pipetwist.tls.listener import ListenerTls
from pipetwist.tls.twisted_tls import ClientConnections, ServerConnections, over_tls
from pipetwist.values.tls_options import TlsListenerOptions
from tests.support.certificates import Authority
from tests.support.scratch import scratch_folder


class _TlsTestCase(SynchronousTestCase):
    """A CA, and a server's certificate that it has signed."""

    def setUp(self) -> None:
        """Make them."""
        self.folder = scratch_folder(self)
        self.authority = Authority(self.folder, "authority")
        self.certificate, self.key = self.authority.issue("server.example")

    def file(self, name: str, content: bytes) -> str:
        """Write a file."""
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def server(
        self,
        certificate: object = None,
        key: object = None,
        authority: object = None,
        protocols: Sequence[bytes] = (),
    ) -> ListenerTls:
        """What a server shows and asks for."""
        files = TlsListenerOptions(
            certificate_path=str(certificate or self.certificate),
            key_path=str(key or self.key),
            client_certificate_path=None if authority is None else str(authority),
        )
        return ListenerTls("inbound in", files, protocols)

    def refusal(self, **files: object) -> str:
        """What is said where it can't be had."""
        return str(self.assertRaises(StartError, self.server, **files))


class ServerTest(_TlsTestCase):
    """What is wrong with a server's files."""

    def test_missing(self) -> None:
        """A file that is not there is named with its key."""
        path = self.folder / "nothing.pem"
        for key, argument in (
            ("certificate_path", "certificate"),
            ("key_path", "key"),
            ("client_certificate_path", "authority"),
        ):
            self.assertEqual(
                self.refusal(**{argument: path}),
                f"inbound in: tls.{key}: {path} can't be read: No such file or directory",
            )

    def test_no_certificate(self) -> None:
        """A file without a certificate in it is named."""
        path = self.file("empty.pem", b"nothing here")
        for key, argument in (
            ("certificate_path", "certificate"),
            ("client_certificate_path", "authority"),
        ):
            self.assertEqual(
                self.refusal(**{argument: path}),
                f"inbound in: tls.{key}: there is no certificate in {path}",
            )

    def test_bad_certificate(self) -> None:
        """A certificate that is none is named, on one line."""
        path = self.file(
            "bad.pem", b"-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n"
        )
        for key, argument in (
            ("certificate_path", "certificate"),
            ("client_certificate_path", "authority"),
        ):
            said = self.refusal(**{argument: path})
            self.assertTrue(said.startswith(f"inbound in: tls.{key}: {path} can't be used: "), said)
            self.assertNotIn("\n", said)

    def test_bad_key(self) -> None:
        """A key that is none is named."""
        for content in (b"", b"nothing here", self.certificate.read_bytes()):
            path = self.file("bad.key", content)
            said = self.refusal(key=path)
            self.assertTrue(
                said.startswith(
                    f"inbound in: tls.key_path: {path} can't be used with {self.certificate}: TLS: "
                ),
                said,
            )
            self.assertNotIn("\n", said)

    def test_other_key(self) -> None:
        """A key that is not the certificate's is reported before anybody connects."""
        _, key = self.authority.issue("other.example")
        self.assertEqual(
            self.refusal(key=key),
            f"inbound in: tls.key_path: {key} can't be used with {self.certificate}: TLS: key "
            "values mismatch",
        )

    def test_encrypted_key(self) -> None:
        """An encrypted key is reported, and nobody is asked for its pass phrase."""
        certificate, key = self.authority.issue("secret.example", b"secret")
        program = (
            "import sys; from pipetwist.tls.listener import ListenerTls; "
            "from pipetwist.values.tls_options import TlsListenerOptions; "
            "options = TlsListenerOptions(certificate_path=sys.argv[1], key_path=sys.argv[2]); "
            "ListenerTls('inbound in', options)"
        )
        said = subprocess.run(
            [sys.executable, "-c", program, str(certificate), str(key)],
            input="secret\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )
        self.assertIn(
            f"inbound in: tls.key_path: {key} is encrypted; a key without a pass phrase is "
            "needed\n",
            said.stderr,
        )
        self.assertNotIn("pass phrase:", said.stdout + said.stderr)


class ClientTest(_TlsTestCase):
    """What is wrong with a client's options."""

    def test_files(self) -> None:
        """A CA's file that can't be used is named with its key."""
        path = self.folder / "nothing.pem"
        error = self.assertRaises(
            StartError, ConnectorTls, "outbound out", "server.example", str(path)
        )
        self.assertEqual(
            str(error),
            f"outbound out: tls.certificate_path: {path} can't be read: No such file or directory",
        )

    def test_parsed_once(self) -> None:
        """The certificates of a file that is as it was are made once, for all outbounds and for
        every reload.
        """
        parsed: list[object] = []
        load = crypto.load_certificate

        def counted(kind: int, text: bytes) -> Any:
            parsed.append(text)
            return load(kind, text)

        self.patch(pem, "load_certificate", counted)
        bundle = self.file(
            "bundle.pem",
            b"".join(Authority(self.folder, name).path.read_bytes() for name in ("one", "two")),
        )
        files = KnownFiles()
        for _ in range(3):
            for name in ("a.example", "b.example"):
                ConnectorTls("outbound out", name, bundle, files)
        self.assertEqual(len(parsed), 2)
        self.file("bundle.pem", self.authority.path.read_bytes())
        ConnectorTls("outbound out", "a.example", bundle, files)
        self.assertEqual(len(parsed), 3)

    def test_names(self) -> None:
        """Names of hosts and addresses are taken, and what is neither is reported."""
        for name in ("server.example", "127.0.0.1", "::1", "bücher.example"):
            self.assertIsNotNone(ConnectorTls("outbound out", name, None))
        error = self.assertRaises(StartError, ConnectorTls, "outbound out", "x" * 70 + ".é", None)
        self.assertTrue(
            str(error).startswith(
                f"outbound out: tls.server_name: '{'x' * 70}.é' is no name of a host: "
            ),
            str(error),
        )


@implementer(IHandshakeListener)
class _End(Protocol):
    """Keeps whether the handshake came to its end, and how it failed."""

    transport: Any
    shaken = False
    shown = 0
    """How many certificates the other end has shown."""
    protocol: bytes | None = None
    """What both have agreed to speak inside, by ALPN."""
    reason: Failure | None = None

    def handshakeCompleted(self) -> None:
        self.shaken = True
        self.shown = len(self.transport.getHandle().get_peer_cert_chain() or [])
        self.protocol = self.transport.negotiatedProtocol

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.shaken = False
        self.reason = reason


class _Factory(Factory):
    """Keeps its protocols."""

    noisy = False

    def __init__(self) -> None:
        self.protocols: list[_End] = []

    def buildProtocol(self, addr: object) -> _End:
        self.protocols.append(_End())
        return self.protocols[-1]


class HandshakeTest(_TlsTestCase):
    """Who speaks with whom."""

    def shake(self, client: Any, server: ListenerTls) -> str:
        """Connect a client with these options to a server with those; what the first of them says
        that fails, or nothing.
        """
        clock = Clock()
        ends = [
            TLSMemoryBIOFactory(client, True, _Factory(), clock),
            TLSMemoryBIOFactory(ServerConnections(server), False, _Factory(), clock),
        ]
        connectedServerAndClient(
            lambda: ends[1].buildProtocol(None), lambda: ends[0].buildProtocol(None), clock=clock
        )
        protocols = [end.wrappedFactory.protocols[0] for end in ends]
        reasons = [
            str(protocol.reason.value) for protocol in protocols if protocol.reason is not None
        ]
        self.shown = protocols[0].shown
        self.protocols = [protocol.protocol for protocol in protocols]
        self.assertEqual([protocol.shaken for protocol in protocols], [not reasons] * 2)
        return " ".join(reasons)

    def client(self, name: str, authority: Authority | None = None) -> Any:
        """A client that asks for this name, and trusts this CA."""
        trusted = str((authority or self.authority).path)
        return ClientConnections(ConnectorTls("outbound out", name, trusted))

    def test_right_name(self) -> None:
        """A server whose certificate names the name or the address is spoken with."""
        for name in ("server.example", "localhost", "127.0.0.1"):
            self.assertEqual(self.shake(self.client(name), self.server()), "")

    def test_chain(self) -> None:
        """The chain that follows the certificate in its file is shown with it, whatever text stands
        between.
        """
        both = (
            b"some text\n"
            + self.certificate.read_bytes()
            + b"more text\n"
            + self.authority.path.read_bytes()
        )
        for certificate, length in ((self.certificate, 1), (self.file("chain.pem", both), 2)):
            self.shake(self.client("server.example"), self.server(certificate))
            self.assertEqual(self.shown, length)

    def test_long_chain(self) -> None:
        """So is a chain that is longer than what Twisted sends at once, and than twice of that."""
        own, authority = self.certificate.read_bytes(), self.authority.path.read_bytes()
        for count in (100, 200):
            server = self.server(self.file("chain.pem", own + count * authority))
            size = count * len(load_pem_x509_certificate(authority).public_bytes(Encoding.DER))
            self.assertGreater(size, count // 100 * 2**15)
            self.assertEqual(self.shake(self.client("server.example"), server), "")
            self.assertEqual(self.shown, count + 1)

    def test_wrong_name(self) -> None:
        """One of another is not."""
        for name in ("other.example", "127.0.0.2"):
            self.assertIn("not of the name", self.shake(self.client(name), self.server()))

    def test_no_name(self) -> None:
        """One that has a common name and no other is not, whatever that is (RFC 9525, 6.3)."""
        files = self.authority.issue("plain.example", names=[])
        for name in ("plain.example", "other.example", "127.0.0.1"):
            self.assertIn("not of the name", self.shake(self.client(name), self.server(*files)))

    def test_unknown_authority(self) -> None:
        """One whose certificate another CA has signed is not."""
        other = Authority(self.folder, "other authority")
        self.assertIn(
            "certificate verify failed",
            self.shake(self.client("server.example", other), self.server()),
        )

    def test_client_certificate(self) -> None:
        """A server that asks for client certificates speaks only with who has one of the right
        CA.
        """
        server = self.server(authority=self.authority.path)
        self.assertIn("certificate", self.shake(self.client("server.example"), server))
        for authority, outcome in (
            (self.authority, ""),
            (Authority(self.folder, "other authority"), "certificate verify failed"),
        ):
            certificate, key = authority.issue("alice")
            own = PrivateCertificate.loadPEM(certificate.read_bytes() + key.read_bytes())
            trust = trustRootFromCertificates(
                [Certificate.loadPEM(self.authority.path.read_bytes())]
            )
            self.assertIn(
                outcome, self.shake(optionsForClientTLS("server.example", trust, own), server)
            )

    def test_offered_protocols(self) -> None:
        """A client that offers protocols by ALPN is spoken with whether the server speaks one of
        them or not; one of both is agreed on.
        """
        for spoken, offered, agreed in (
            ((), (b"h2", b"http/1.1"), None),
            ((b"http/1.1",), (b"h2", b"http/1.1"), b"http/1.1"),
            ((b"http/1.1",), (b"h2",), None),
            ((b"http/1.1",), (), None),
            ((b"a", b"b"), (b"b", b"a"), b"a"),
        ):
            trust = trustRootFromCertificates(
                [Certificate.loadPEM(self.authority.path.read_bytes())]
            )
            client = optionsForClientTLS("server.example", trust, acceptableProtocols=list(offered))
            self.assertEqual(
                self.shake(client, self.server(protocols=spoken)), "", (spoken, offered)
            )
            self.assertEqual(self.protocols, [agreed] * 2, (spoken, offered))

    def test_refused(self) -> None:
        """Whom a factory refuses is closed before TLS begins."""
        factory = _Factory()
        self.patch(factory, "buildProtocol", lambda _: None)
        self.assertIsNone(
            over_tls(self.server(), factory, Clock()).buildProtocol(
                IPv4Address("TCP", "192.0.2.7", 4711)
            )
        )

    def test_read_a_little(self) -> None:
        """However small a client's records are, a turn reads no more of it than is soon looked at;
        once it is over nothing holds it.
        """
        sizes: list[int] = []

        class Transport(StringTransport):
            bufferSize = 65536

            def doRead(self) -> None:
                sizes.append(self.bufferSize)

        transport: Any = Transport()
        factory: Any = over_tls(self.server(), _Factory(), Clock(), 1000)
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(transport)
        transport.doRead()
        protocol.connectionLost(Failure(ConnectionDone()))
        transport.doRead()
        self.assertEqual(sizes, [1000, 65536])

    def test_no_client_certificate_wanted(self) -> None:
        """One that does not ask speaks with everybody."""
        self.assertEqual(self.shake(self.client("server.example"), self.server()), "")


class LoadingTest(SynchronousTestCase):
    """What is loaded."""

    def test_loading(self) -> None:
        """What is imported at the top of other rooms does not load pyOpenSSL by itself."""
        program = (
            "import sys, pipetwist.tls.connector, pipetwist.tls.listener, "
            "pipetwist.tls.twisted_tls; print(*sys.modules)"
        )
        said = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
        )
        self.assertNotIn("OpenSSL", said.stdout.split())
