"""TLS, with certificates made for the test."""

from __future__ import annotations

import socket
from pathlib import Path

import grpc
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.options import ApiTlsOptions
from pipetwist.api.services import V2RAY_SERVICE
from pipetwist.errors import StartError
from tests.support.api_server import Client, counted, start_api, stop_api
from tests.support.certificates import Authority
from tests.support.scratch import scratch_folder, wait_until


class TlsTest(SynchronousTestCase):
    """Calls over TLS."""

    def setUp(self) -> None:
        """A CA, and a certificate of the server."""
        self.folder = scratch_folder(self)
        self.authority = Authority(self.folder, "ca")
        self.certificate, self.key = self.authority.issue("server")

    def serve(self, clients: Authority | None = None, listen: str = "127.0.0.1:0") -> str:
        """Serve a counter with that certificate; the address that it can be reached at."""
        options = ApiTlsOptions(
            certificate_path=str(self.certificate),
            key_path=str(self.key),
            client_certificate_path=None if clients is None else str(clients.path),
        )
        self.api = start_api(self, counted({"a": 7}), listen=listen, tls=options)
        return f"127.0.0.1:{str(self.api.address).rpartition(':')[2]}"

    def credentials(self, pair: tuple[Path, Path] | None = None) -> grpc.ChannelCredentials:
        """What a client needs that trusts the CA, and presents a certificate where one is given."""
        certificate, key = (
            (None, None) if pair is None else (pair[0].read_bytes(), pair[1].read_bytes())
        )
        return grpc.ssl_channel_credentials(self.authority.path.read_bytes(), key, certificate)

    def value(self, target: str, credentials: grpc.ChannelCredentials | None) -> int:
        """Ask for the counter."""
        value: int = (
            Client(self, target, V2RAY_SERVICE, credentials).call("GetStats", name="a").stat.value
        )
        return value

    def refused(self, target: str, credentials: grpc.ChannelCredentials | None) -> None:
        """Ask for the counter without getting through."""
        code, _ = Client(self, target, V2RAY_SERVICE, credentials).error("GetStats", name="a")
        self.assertEqual(code, grpc.StatusCode.UNAVAILABLE)

    def test_turned_off(self) -> None:
        """TLS that is turned off is not spoken, and may lack everything else."""
        api = start_api(self, counted({"a": 7}), tls=ApiTlsOptions(enabled=False))
        self.assertEqual(self.value(f"127.0.0.1:{str(api.address).rpartition(':')[2]}", None), 7)

    def test_server_certificate(self) -> None:
        """A client that trusts the CA is answered, one without TLS is not."""
        target = self.serve()
        self.assertEqual(self.value(target, self.credentials()), 7)
        self.refused(target, None)

    def test_client_certificate(self) -> None:
        """With a CA for clients only those with a certificate of that CA are answered."""
        clients = Authority(self.folder, "clients-ca")
        target = self.serve(clients)
        self.assertEqual(self.value(target, self.credentials(clients.issue("client"))), 7)
        self.refused(target, self.credentials())
        self.refused(target, self.credentials(self.authority.issue("stranger")))

    def test_failed_handshake(self) -> None:
        """Whose handshake fails is logged with the address, as it is at every other listener."""
        target = self.serve()
        with (
            capturedLogs() as events,
            socket.create_connection(
                ("127.0.0.1", int(target.rpartition(":")[2])), timeout=60
            ) as client,
        ):
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while client.recv(4096):
                pass
            host, port = client.getsockname()
            said = (
                f"experimental.v2ray_api: the TLS handshake with {host}:{port} failed: TLS: http "
                "request"
            )
            wait_until(
                lambda: said in [formatEvent(event) for event in events], "the log to say so"
            )

    def test_renewed(self) -> None:
        """Certificates that were read again are used for new connections; open ones continue."""
        target = self.serve()
        connected = Client(self, target, V2RAY_SERVICE, self.credentials())
        self.assertEqual(connected.call("GetStats", name="a").stat.value, 7)
        trusts_old = self.credentials()
        self.authority = Authority(self.folder, "new-ca")
        self.authority.issue("server")  # at the place of the old one
        show = self.api.read_certificates(None)
        self.assertEqual(self.value(target, trusts_old), 7)
        show()
        for _ in range(2):
            self.assertEqual(self.value(target, self.credentials()), 7)
        self.refused(target, trusts_old)
        self.assertEqual(connected.call("GetStats", name="a").stat.value, 7)

    def test_renewed_authority(self) -> None:
        """So is the CA of clients' certificates, and certificate and key may be in other files."""
        clients = Authority(self.folder, "clients-ca")
        target = self.serve(clients)
        old = clients.issue("old")
        # Of a CA at the place of the old one.
        new = Authority(self.folder, "clients-ca").issue("new")
        self.refused(target, self.credentials(new))
        certificate, key = self.authority.issue("other-server")
        self.api.read_certificates(
            ApiTlsOptions(
                certificate_path=str(certificate),
                key_path=str(key),
                client_certificate_path=str(clients.path),
            )
        )()
        self.assertEqual(self.value(target, self.credentials(new)), 7)
        self.refused(target, self.credentials(old))
        self.refused(target, self.credentials())

    def test_not_renewed(self) -> None:
        """If a file can't be used, that is said, and what was shown before is shown still."""
        target = self.serve()
        self.key.write_text("no key", encoding="ascii")
        error = self.assertRaises(StartError, self.api.read_certificates, None)
        self.assertIn(f"tls.key_path: {self.key} can't be used with {self.certificate}", str(error))
        self.assertEqual(self.value(target, self.credentials()), 7)

    def test_nothing_to_renew(self) -> None:
        """Without TLS, and while it does not run, nothing is read."""
        api = start_api(self)
        api.read_certificates(None)()
        self.serve()
        stop_api(self, self.api)
        self.key.unlink()
        self.api.read_certificates(None)()

    def test_every_address(self) -> None:
        """With TLS it may listen on every address."""
        self.assertEqual(self.value(self.serve(listen="0.0.0.0:0"), self.credentials()), 7)


class TlsFilesTest(SynchronousTestCase):
    """Files that can't be used."""

    def setUp(self) -> None:
        """A CA and a certificate."""
        self.folder = scratch_folder(self)
        self.authority = Authority(self.folder, "ca")
        self.certificate, self.key = self.authority.issue("server")
        self.garbage = self.folder / "garbage"
        self.garbage.write_text("this is no certificate", encoding="ascii")

    def failure(
        self,
        *,
        certificate: Path | None = None,
        key: Path | None = None,
        authority: Path | None = None,
    ) -> str:
        """What a start with these files says."""
        options = ApiTlsOptions(
            certificate_path=str(certificate or self.certificate),
            key_path=str(key or self.key),
            client_certificate_path=str(authority or self.authority.path),
        )
        text = str(self.assertRaises(StartError, start_api, self, tls=options))
        self.assertNotIn("\n", text)
        return text

    def test_missing(self) -> None:
        """A file that is not there is named with its key."""
        none = self.folder / "none"
        for key, text in (
            ("certificate_path", self.failure(certificate=none)),
            ("key_path", self.failure(key=none)),
            ("client_certificate_path", self.failure(authority=none)),
        ):
            self.assertEqual(
                text,
                f"experimental.v2ray_api: tls.{key}: {none} can't be read: No such file or "
                "directory",
            )

    def test_garbage(self) -> None:
        """A file that is no PEM file of its kind is named."""
        for text in (
            self.failure(certificate=self.garbage),
            self.failure(key=self.garbage),
            self.failure(authority=self.garbage),
        ):
            self.assertTrue(text.startswith("experimental.v2ray_api: tls."), text)
            self.assertIn(str(self.garbage), text)

    def test_key_of_another(self) -> None:
        """A key that does not belong to the certificate is refused."""
        _, other = self.authority.issue("other")
        self.assertIn("key values mismatch", self.failure(key=other))

    def test_kinds_of_keys(self) -> None:
        """A certificate may be for any kind of key that clients made with gRPC know."""
        curves = (ec.SECP256R1(), ec.SECP384R1())
        keys: list[CertificateIssuerPrivateKeyTypes] = [
            rsa.generate_private_key(65537, 2048),
            *map(ec.generate_private_key, curves),
        ]
        trusted = grpc.ssl_channel_credentials(self.authority.path.read_bytes())
        for number, key in enumerate(keys):
            certificate, path = self.authority.issue(f"good-{number}", key=key)
            api = start_api(
                self,
                counted({"a": 7}),
                tls=ApiTlsOptions(certificate_path=str(certificate), key_path=str(path)),
            )
            self.assertEqual(
                Client(self, api, V2RAY_SERVICE, trusted).call("GetStats", name="a").stat.value, 7
            )

    def test_encrypted_key(self) -> None:
        """A key with a pass phrase is refused, without asking for it on the terminal."""
        certificate, key = self.authority.issue("secret", b"pass phrase")
        self.assertIn(str(key), self.failure(certificate=certificate, key=key))
