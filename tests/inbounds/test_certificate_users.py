"""Users who are known by the names in their certificates."""

from __future__ import annotations

from typing import Any

from cryptography.x509 import DNSName, GeneralName, RFC822Name, UniformResourceIdentifier
from OpenSSL.crypto import FILETYPE_PEM, load_certificate
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.inbounds.certificate_users import CertificateUserOptions, certificate_user
from pipetwist.inbounds.gate import RefusedError
from tests.support.certificates import Authority
from tests.support.scratch import scratch_folder

_NAMES = (
    DNSName("Alice.example.org"),
    RFC822Name("Alice@Example.org"),
    UniformResourceIdentifier("spiffe://example.org/alice"),
)


class _Connection:
    """A connection, as far as it says what the peer has shown."""

    def __init__(self, certificate: Any) -> None:
        self._certificate = certificate

    def get_peer_certificate(self) -> Any:
        """See OpenSSL.SSL.Connection."""
        return self._certificate


class CertificateUserTest(SynchronousTestCase):
    """Who somebody is."""

    def setUp(self) -> None:
        """Make a CA."""
        self.authority = Authority(scratch_folder(self), "authority")

    def connection(self, name: str, *names: GeneralName) -> _Connection:
        """A connection whose peer has shown a certificate of these names."""
        path, _ = self.authority.issue(name, names=names)
        return _Connection(load_certificate(FILETYPE_PEM, path.read_bytes()))

    def user(self, connection: _Connection, **names: str) -> str | None:
        """Who that is, where one user has these names, and another has others."""
        users = (
            CertificateUserOptions(name="nobody", certificate_san="DNS:nobody.example.org"),
            CertificateUserOptions(name="alice", **names),
            CertificateUserOptions(name="everybody", certificate_name="alice"),
        )
        return certificate_user(users, connection, "192.0.2.7:4711")

    def test_alternative_names(self) -> None:
        """Each kind of name is looked at, however the case of its host is written."""
        connection = self.connection("alice", *_NAMES)
        for san in (
            "DNS:alice.example.org",
            "email:Alice@example.org",
            "URI:spiffe://example.org/alice",
        ):
            self.assertEqual(self.user(connection, certificate_san=san), "alice", san)
        for san in (
            "DNS:example.org",
            "DNS:spiffe://example.org/alice",
            "email:alice@example.org",
            "URI:spiffe://example.org/Alice",
            "email:alice.example.org",
        ):
            self.assertEqual(self.user(connection, certificate_san=san), "everybody", san)

    def test_both(self) -> None:
        """With a common name too, both must be there."""
        san = "DNS:alice.example.org"
        for name, user in (("alice", "alice"), ("bob", "everybody")):
            names = {"certificate_name": name, "certificate_san": san}
            self.assertEqual(self.user(self.connection("alice", *_NAMES), **names), user)

    def test_wildcard(self) -> None:
        """A wildcard in a certificate is a name like others, and is nobody else."""
        connection = self.connection("alice", DNSName("*.example.org"))
        san = "DNS:alice.example.org"
        self.assertEqual(self.user(connection, certificate_san=san), "everybody")
        self.assertEqual(self.user(connection, certificate_san="DNS:*.example.org"), "alice")

    def test_refused(self) -> None:
        """Nobody else is admitted, and the refusal has the name in the certificate."""
        for names, said in (
            ((), "names 'mallory', which"),
            (_NAMES[:2], "names 'mallory', 'DNS:alice.example.org', 'email:Alice@example.org', w"),
        ):
            connection = self.connection("mallory", *names)
            error = self.assertRaises(
                RefusedError, self.user, connection, certificate_san="DNS:alice"
            )
            self.assertIn(f"refused 192.0.2.7:4711, whose certificate {said}", str(error))
        for users in ((CertificateUserOptions(name="a", certificate_name="a"),),):
            error = self.assertRaises(RefusedError, certificate_user, users, connection, "peer")
            self.assertIn("names 'mallory', which is not", str(error))
            error = self.assertRaises(
                RefusedError, certificate_user, users, _Connection(None), "peer"
            )
            self.assertEqual(str(error), "refused peer, which has shown no certificate")

    def test_no_users(self) -> None:
        """Without users everybody comes in, as none."""
        self.assertIsNone(certificate_user((), _Connection(None), "peer"))
