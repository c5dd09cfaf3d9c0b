"""Which clients are named, and which are refused."""

from __future__ import annotations

from cryptography.x509 import DNSName, GeneralName, RFC822Name, UniformResourceIdentifier
from OpenSSL.crypto import FILETYPE_PEM, load_certificate
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo
from pipetwist.connection.identity import Identity
from pipetwist.errors import RefusedError
from pipetwist.kinds.user_options import UserOptions
from pipetwist.tls.peer_names import certificate_names
from pipetwist.users.admission import named
from pipetwist.users.index import UserIndex
from tests.support.certificates import Authority
from tests.support.scratch import scratch_folder

_NAMES = (
    DNSName("Alice.example.org"),
    RFC822Name("Alice@Example.org"),
    UniformResourceIdentifier("spiffe://example.org/alice"),
)

_CLIENT = ClientInfo("in", "192.0.2.7:4711", "192.0.2.7", address=("192.0.2.7", 4711))


class CertificateUserTest(SynchronousTestCase):
    """Who somebody is."""

    def setUp(self) -> None:
        """Make a CA."""
        self.authority = Authority(scratch_folder(self), "authority")

    def client(self, name: str, *names: GeneralName) -> ClientInfo:
        """A client that has shown a certificate of these names."""
        path, _ = self.authority.issue(name, names=names)
        shown = certificate_names(load_certificate(FILETYPE_PEM, path.read_bytes()))
        return _CLIENT._replace(identity=Identity(certificate=shown))

    def user(self, client: ClientInfo, **names: str) -> str | None:
        """Who that is, where one user has these names, and another has others."""
        users = (
            UserOptions(name="nobody", certificate_san="DNS:nobody.example.org"),
            UserOptions(name="alice", **names),  # type: ignore[arg-type]  # they are names
            UserOptions(name="everybody", certificate_name="alice"),
        )
        return named(client, UserIndex(users)).user

    def test_alternative_names(self) -> None:
        """Each kind of name is looked at, however the case of its host is written."""
        client = self.client("alice", *_NAMES)
        for san in (
            "DNS:alice.example.org",
            "email:Alice@example.org",
            "URI:spiffe://example.org/alice",
        ):
            self.assertEqual(self.user(client, certificate_san=san), "alice", san)
        for san in (
            "DNS:example.org",
            "DNS:spiffe://example.org/alice",
            "email:alice@example.org",
            "URI:spiffe://example.org/Alice",
            "email:alice.example.org",
        ):
            self.assertEqual(self.user(client, certificate_san=san), "everybody", san)

    def test_both(self) -> None:
        """With a common name too, both must be there."""
        san = "DNS:alice.example.org"
        for name, user in (("alice", "alice"), ("bob", "everybody")):
            names = {"certificate_name": name, "certificate_san": san}
            self.assertEqual(self.user(self.client("alice", *_NAMES), **names), user)

    def test_wildcard(self) -> None:
        """A wildcard in a certificate is a name like others, and is nobody else."""
        client = self.client("alice", DNSName("*.example.org"))
        san = "DNS:alice.example.org"
        self.assertEqual(self.user(client, certificate_san=san), "everybody")
        self.assertEqual(self.user(client, certificate_san="DNS:*.example.org"), "alice")

    def test_refused(self) -> None:
        """Nobody else is admitted, and the refusal has the name in the certificate."""
        for names, said in (
            ((), "names 'mallory', which"),
            (_NAMES[:2], "names 'mallory', 'DNS:alice.example.org', 'email:Alice@example.org', w"),
        ):
            client = self.client("mallory", *names)
            error = self.assertRaises(RefusedError, self.user, client, certificate_san="DNS:alice")
            self.assertIn(f"refused 192.0.2.7:4711, whose certificate {said}", str(error))
        users = UserIndex([UserOptions(name="a", certificate_name="a")])
        error = self.assertRaises(RefusedError, named, self.client("mallory"), users)
        self.assertIn("names 'mallory', which is not", str(error))
        for identity in (Identity(), Identity(groups={7})):
            nobody = _CLIENT._replace(identity=identity)
            error = self.assertRaises(RefusedError, named, nobody, users)
            self.assertEqual(str(error), "refused 192.0.2.7:4711, which has shown no certificate")


class OtherClientTest(SynchronousTestCase):
    """Clients without certificates."""

    def test_address(self) -> None:
        """A client is named by its address, and refused where that is nobody's."""
        users = UserIndex([UserOptions(name="alice", source=("192.0.2.0/24",))])
        self.assertEqual(named(_CLIENT, users), _CLIENT._replace(user="alice"))
        other = _CLIENT._replace(peer="192.0.3.7:1", address=("192.0.3.7", 1))
        error = self.assertRaises(RefusedError, named, other, users)
        self.assertEqual(str(error), "refused 192.0.3.7:1, which is not one of its users")

    def test_process(self) -> None:
        """A client of a unix socket is refused by what the log knows of it, also where some users
        are known by certificates.
        """
        users = [UserOptions(name="a", uid=5), UserOptions(name="b", certificate_name="b")]
        client = ClientInfo("in", "pid:9 uid:7 gid:8", "pid:9", identity=Identity(7, 8))
        error = self.assertRaises(RefusedError, named, client, UserIndex(users))
        self.assertEqual(str(error), "refused pid:9 uid:7 gid:8, which is not one of its users")

    def test_nobody(self) -> None:
        """An empty list refuses everybody."""
        self.assertRaises(RefusedError, named, _CLIENT, UserIndex())
        client = _CLIENT._replace(identity=Identity(0, 0, {0}))
        self.assertRaises(RefusedError, named, client, UserIndex())
