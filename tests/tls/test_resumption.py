"""Sessions that are resumed with tickets, and the keys of these."""

from __future__ import annotations

from typing import Any

from pipetwist.kinds.inbound_options import TlsServerOptions
from pipetwist.tls.connector import ConnectorTls
from pipetwist.tls.listener import TICKET_KEY_SECONDS, ListenerTls
from tests.tls.case import ContextsCase, certificates


class ResumptionTest(ContextsCase):
    """Clients that come back."""

    def session(self, listener: ListenerTls, connector: ConnectorTls, **own: Any) -> Any:
        """The session of a client that has connected."""
        self.assertEqual(self.shake(listener, connector, **own), "")
        return self.ends[0].get_session()

    def resumes(
        self, listener: ListenerTls, connector: ConnectorTls, session: Any, **own: Any
    ) -> bool:
        """Whether it resumes that session; it gets in in any case."""
        before = listener.handshakes, listener.resumed
        self.assertEqual(self.shake(listener, connector, session=session, **own), "")
        self.assertEqual(listener.handshakes, before[0] + 1)
        return listener.resumed > before[1]

    def test_resumed(self) -> None:
        """Who comes back with a ticket resumes, in both versions; both are counted."""
        for version in ("1.2", "1.3"):
            listener, connector = self.listener(), self.connector(max_version=version)
            session = self.session(listener, connector)
            self.assertFalse(listener.resumed)
            self.assertTrue(self.resumes(listener, connector, session))
            self.assertFalse(self.resumes(listener, connector, None))
            self.assertEqual((listener.handshakes, listener.resumed), (3, 1))

    def test_names(self) -> None:
        """Whichever certificate of a listener was shown, its tickets can be used, also if clients
        have to show one.
        """
        other, own = self.authority.issue("other.example"), self.authority.issue("alice")
        for path in (None, str(self.authority.path)):
            listener = self.listener(
                certificates=certificates((self.certificate, self.key), other),
                client_certificate_path=path,
            )
            for version in ("1.2", "1.3"):
                for name in ("server.example", "other.example"):
                    connector = self.connector(name, max_version=version)
                    session = self.session(listener, connector, own=own)
                    resumed = self.resumes(listener, connector, session, own=own)
                    self.assertTrue(resumed, (path, version, name))

    def test_client_certificate(self) -> None:
        """Who resumes is who they were."""
        listener = self.listener(client_certificate_path=str(self.authority.path))
        own = self.authority.issue("alice")
        for version in ("1.2", "1.3"):
            connector = self.connector(max_version=version)
            session = self.session(listener, connector, own=own)
            self.assertTrue(self.resumes(listener, connector, session))
            certificate = self.ends[1].get_peer_certificate()
            assert certificate is not None
            self.assertEqual(certificate.get_subject().CN, "alice")

    def test_other_listener(self) -> None:
        """A ticket of another listener is of no use."""
        connector = self.connector()
        session = self.session(self.listener(), connector)
        self.assertFalse(self.resumes(self.listener(), connector, session))

    def test_replaced(self) -> None:
        """The keys of tickets are replaced once they are old, and no sooner."""
        listener, connector = self.listener(), self.connector()
        session = self.session(listener, connector)
        self.now = TICKET_KEY_SECONDS - 1
        self.assertTrue(self.resumes(listener, connector, session))
        session = self.session(listener, connector)
        self.now = TICKET_KEY_SECONDS
        self.assertFalse(self.resumes(listener, connector, session))
        session = self.session(listener, connector)
        self.now = 2 * TICKET_KEY_SECONDS - 1
        self.assertTrue(self.resumes(listener, connector, session))

    def test_reload(self) -> None:
        """A reload leaves them where nothing has changed, and replaces them where something has."""
        listener, connector = self.listener(), self.connector()
        session = self.session(listener, connector)
        listener.read_again()()
        self.assertTrue(self.resumes(listener, connector, session))
        options = TlsServerOptions(
            certificate_path=str(self.certificate), key_path=str(self.key), alpn=("h2",)
        )
        listener.read_again(options)()
        self.assertFalse(self.resumes(listener, connector, session))
        session = self.session(listener, connector)
        self.authority.issue("server.example")
        take_back = listener.read_again()()
        self.assertFalse(self.resumes(listener, connector, session))
        take_back()
        self.assertTrue(self.resumes(listener, connector, session))
