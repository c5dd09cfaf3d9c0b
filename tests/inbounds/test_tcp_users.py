"""Users of a TCP inbound who are known by their certificates."""

from __future__ import annotations

from typing import Any

from OpenSSL.crypto import FILETYPE_PEM, load_certificate

from pipetwist.connection.client_info import ClientInfo
from pipetwist.inbounds.gate import RefusedError
from pipetwist.inbounds.tcp import TcpInbound, TcpInboundOptions
from pipetwist.kinds.inbound_options import TlsServerOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.users.admission import named
from pipetwist.users.lists import own_users
from tests.inbounds.inbound_case import InboundTestCase, Peer
from tests.support.certificates import Authority


class CertificateUsersTest(InboundTestCase):
    """Users who are known by their certificates."""

    def setUp(self) -> None:
        """Make an inbound with users, and certificates."""
        super().setUp()
        self.authority = Authority(self.folder, "authority")
        certificate, key = map(str, self.authority.issue("server.example"))
        tls = TlsServerOptions(
            certificate_path=certificate,
            key_path=key,
            client_certificate_path=str(self.authority.path),
        )
        users = (
            UserOptions(name="alice", certificate_name="alice's computer"),
            UserOptions(name="bob", certificate_name="bob's computer"),
        )
        self.inbound = TcpInbound(
            TcpInboundOptions(tag="in", listen_port=0, tls=tls, users=users), self.context
        )

    def transport(self, name: str) -> Any:
        """The transport of a peer whose certificate names that name."""
        certificate, _ = self.authority.issue(name)
        return Peer(load_certificate(FILETYPE_PEM, certificate.read_bytes()))

    def named(self, name: str) -> ClientInfo:
        """Who a peer is whose certificate names that name."""
        client_info = self.inbound._identify(self.transport(name))
        return named(client_info, own_users(self.inbound._options))

    def test_users(self) -> None:
        """A peer is the user of its certificate's name."""
        for name, user in (("alice's computer", "alice"), ("bob's computer", "bob")):
            self.assertEqual(self.named(name).user, user)

    def test_refused(self) -> None:
        """Nobody else comes in, and it is said whose certificate it was."""
        error = self.assertRaises(RefusedError, self.named, "carol")
        self.assertEqual(
            str(error),
            "refused unix, whose certificate names 'carol', which is not one of its users",
        )

    def test_needs_certificates(self) -> None:
        """Users without a CA for their certificates are refused."""
        users = (UserOptions(name="alice", certificate_name="x"),)
        for tls in (
            None,
            TlsServerOptions(certificate_path="/x", key_path="/y"),
            TlsServerOptions(
                enabled=False, certificate_path="/x", key_path="/y", client_certificate_path="/z"
            ),
        ):
            error = self.assertRaises(
                ValueError, TcpInboundOptions, tag="in", listen_port=0, users=users, tls=tls
            )
            self.assertIn("client_certificate_path", str(error))
