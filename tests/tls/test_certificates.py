"""Certificates that the client's server name chooses, and certificates that were revoked."""

from __future__ import annotations

from pathlib import Path

from cryptography.x509 import DNSName

from pipetwist.errors import StartError
from pipetwist.tls.listener import ListenerTls
from tests.support.certificates import Authority
from tests.tls.case import ContextsCase, certificates


class ServerNameTest(ContextsCase):
    """certificates."""

    def setUp(self) -> None:
        """Make several."""
        super().setUp()
        self.first = self.issue("first", "a.example", "localhost")
        self.wild = self.issue("wild", "*.b.example", "*.a.example")
        self.exact = self.issue("exact", "x.b.example", "A.example")
        self.listening = self.listener(
            certificates=certificates(self.first, self.wild, self.exact), alpn=("h2",)
        )

    def issue(self, name: str, *names: str) -> tuple[Path, Path]:
        """A certificate for these names."""
        return self.authority.issue(name, names=[DNSName(one) for one in names])

    def shown(self, name: str) -> str:
        """The certificate that a client gets that asks for a name, whether it likes it or not."""
        self.shake(self.listening, self.connector(name))
        certificate = self.ends[0].get_peer_certificate()
        return str(certificate.get_subject().CN) if certificate else self.last_verified()

    def last_verified(self) -> str:
        """The certificate that a server has shown to a client that did not like it."""
        shown = self.ends[1].get_certificate()
        assert shown is not None
        return str(shown.get_subject().CN)

    def test_chosen(self) -> None:
        """The name itself comes before a wildcard, and the first before the others; the first is
        for everybody else, and for who sends no name.
        """
        for name, shown in (
            ("a.example", "first"),
            ("A.EXAMPLE", "first"),
            ("x.b.example", "exact"),
            ("y.b.example", "wild"),
            ("z.a.example", "wild"),
            ("b.example", "first"),
            ("q.y.b.example", "first"),
            ("elsewhere.example", "first"),
            ("127.0.0.1", "first"),
        ):
            self.assertEqual(self.shown(name), shown, name)

    def test_all_else_is_the_same(self) -> None:
        """Whichever is shown, the other keys hold."""
        for name in ("a.example", "x.b.example"):
            connector = self.connector(name, alpn=("h2",))
            self.assertEqual(self.shake(self.listening, connector), "")
            self.assertEqual(self.ends[0].get_alpn_proto_negotiated(), b"h2")
            said = self.shake(self.listening, self.connector(name, alpn=("h3",)))
            self.assertIn("no application protocol", said)

    def test_client_certificates(self) -> None:
        """Client certificates are asked for under every name."""
        self.listening = self.listener(
            certificates=certificates(self.first, self.exact),
            client_certificate_path=str(self.authority.path),
        )
        other = Authority(self.folder, "other authority").issue("mallory")
        for name in ("a.example", "x.b.example"):
            self.assertIn("peer did not return", self.shake(self.listening, self.connector(name)))
            self.assertIn(
                "certificate verify failed",
                self.shake(self.listening, self.connector(name), own=other),
            )
            own = self.authority.issue("alice")
            self.assertEqual(self.shake(self.listening, self.connector(name), own=own), "")

    def test_no_key_is_shown(self) -> None:
        """What was read of a listener can be logged without its key."""
        shown = repr(self.listening._shown)
        self.assertIn(str(self.exact[0]), shown)
        self.assertNotIn("PRIVATE", shown)

    def test_wrong_key(self) -> None:
        """A key that is another's is reported with its place in the list."""
        mixed = certificates(self.first, (self.exact[0], self.first[1]))
        error = self.assertRaises(StartError, self.listener, certificates=mixed)
        said = f"inbound in: tls.certificates[1].key_path: {self.first[1]} can't be used with"
        self.assertIn(said, str(error))
        self.assertIn("key values mismatch", str(error))


class RevocationTest(ContextsCase):
    """client_crl_path."""

    def setUp(self) -> None:
        """Make clients."""
        super().setUp()
        self.alice = self.authority.issue("alice")
        self.bob = self.authority.issue("bob")

    def server(self, path: Path) -> ListenerTls:
        """A server with a file of certificate lists."""
        trusted = str(self.authority.path)
        return self.listener(client_certificate_path=trusted, client_crl_path=str(path))

    def test_revoked(self) -> None:
        """Who is on the list is refused, and learns that; others are not."""
        server = self.server(self.authority.revoke(self.alice[0]))
        for own, outcome in ((self.alice, "certificate revoked"), (self.bob, "")):
            said = self.shake(server, self.connector(), own=own)
            self.assertEqual("certificate verify failed" in said, bool(outcome), said)
            self.assertIn(outcome, said)

    def test_expired(self) -> None:
        """Nobody of a CA is admitted where the next list should have come already."""
        server = self.server(self.authority.revoke(expired=True))
        self.assertIn("verify failed", self.shake(server, self.connector(), own=self.bob))

    def test_no_list(self) -> None:
        """Nor where there is only another CA's."""
        server = self.server(Authority(self.folder, "other authority").revoke())
        self.assertIn("verify failed", self.shake(server, self.connector(), own=self.bob))

    def test_bad_file(self) -> None:
        """A file that has no list is reported with its key."""
        broken = self.folder / "broken.pem"
        broken.write_bytes(b"-----BEGIN X509 CRL-----\nbm90aGluZw==\n-----END X509 CRL-----\n")
        for path, said in (
            (self.folder / "nothing.pem", "can't be read: No such file or directory"),
            (self.certificate, f"there is no revocation list in {self.certificate}"),
            (broken, f"{broken} can't be used: "),
        ):
            error = self.assertRaises(StartError, self.server, path)
            self.assertIn("inbound in: tls.client_crl_path: ", str(error))
            self.assertIn(said, str(error))
            self.assertNotIn("\n", str(error))

    def test_read_again(self) -> None:
        """A list that has changed counts once it is read again, for sessions that go on too."""
        path = self.authority.revoke()
        server, connector = self.server(path), self.connector()
        self.assertEqual(self.shake(server, connector, own=self.alice), "")
        session = self.ends[0].get_session()
        self.authority.revoke(self.alice[0])
        self.assertEqual(self.shake(server, connector, own=self.alice, session=session), "")
        self.assertEqual(server.resumed, 1)
        server.read_again()()
        said = self.shake(server, connector, own=self.alice, session=session)
        self.assertIn("certificate revoked", said)
