"""What the keys of TLS do in a handshake."""

from __future__ import annotations

import subprocess

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StartError
from pipetwist.values.tls_names import CIPHER_SUITES
from tests.support.peers import need
from tests.tls.case import ContextsCase


class VersionsTest(ContextsCase):
    """min_version and max_version."""

    def test_usual(self) -> None:
        """Without them it is TLS 1.3, or 1.2 for a peer that has no more."""
        for options, version in (({}, "TLSv1.3"), ({"max_version": "1.2"}, "TLSv1.2")):
            self.assertEqual(self.shake(self.listener(), self.connector(**options)), "")
            self.assertEqual([end.get_protocol_version_name() for end in self.ends], [version] * 2)
            self.assertEqual(self.shake(self.listener(**options), self.connector()), "")
            self.assertEqual([end.get_protocol_version_name() for end in self.ends], [version] * 2)

    def test_apart(self) -> None:
        """Ends without a common version don't speak with each other, whichever has which."""
        low, high = {"max_version": "1.2"}, {"min_version": "1.3"}
        for one, other in ((low, high), (high, low)):
            said = self.shake(self.listener(**one), self.connector(**other))
            self.assertRegex(said, "unsupported protocol|protocol version")


class CipherSuitesTest(ContextsCase):
    """cipher_suites."""

    def test_chosen(self) -> None:
        """Of TLS 1.2, both ends use only what they may, what the server prefers first."""
        gcm, cbc = (
            f"TLS_ECDHE_ECDSA_WITH_AES_{cipher}" for cipher in ("128_GCM_SHA256", "256_CBC_SHA")
        )
        for server, client, chosen in (
            ((cbc,), (), cbc),
            ((), (cbc,), cbc),
            ((cbc, gcm), (gcm, cbc), cbc),
            ((gcm, cbc), (cbc,), cbc),
        ):
            listener = self.listener(max_version="1.2", cipher_suites=server)
            self.assertEqual(self.shake(listener, self.connector(cipher_suites=client)), "")
            self.assertEqual(self.ends[0].get_cipher_name(), CIPHER_SUITES[chosen])
        listener = self.listener(max_version="1.2", cipher_suites=(gcm,))
        said = self.shake(listener, self.connector(cipher_suites=(cbc,)))
        self.assertIn("no shared cipher", said)

    def test_later_version(self) -> None:
        """TLS 1.3 has its own."""
        suites = ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",)
        listener = self.listener(cipher_suites=suites)
        self.assertEqual(self.shake(listener, self.connector()), "")
        self.assertTrue(str(self.ends[0].get_cipher_name()).startswith("TLS_"))

    def test_known(self) -> None:
        """Each suite is one of this OpenSSL's, under the name that it has there, and is the only
        one of TLS 1.2 then.
        """
        for name, in_openssl in CIPHER_SUITES.items():
            listener = self.listener(max_version="1.2", cipher_suites=(name,))
            found = [
                one for one in listener.connection().get_cipher_list() if not one.startswith("TLS_")
            ]
            self.assertEqual(found, [in_openssl])

    def test_names(self) -> None:
        """They have the names that openssl says are IANA's."""
        program = need("openssl")
        said = subprocess.run(
            [program, "ciphers", "-stdname", "ALL"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        names = dict(line.split()[0:3:2] for line in said.stdout.splitlines())
        for name, in_openssl in CIPHER_SUITES.items():
            self.assertEqual(names.get(name), in_openssl)


class AlpnTest(ContextsCase):
    """alpn."""

    def test_agreed(self) -> None:
        """The server's first that the client offers is agreed on; who offers nothing comes in."""
        for spoken, offered, agreed in (
            (("h2", "http/1.1"), ("http/1.1", "h2"), b"h2"),
            (("h2", "http/1.1"), ("http/1.1",), b"http/1.1"),
            (("h2",), (), b""),
            ((), ("h2",), b""),
            (("wörter",), ("x" * 255, "wörter"), "wörter".encode()),
        ):
            said = self.shake(self.listener(alpn=spoken), self.connector(alpn=offered))
            self.assertEqual(said, "", (spoken, offered))
            self.assertEqual([end.get_alpn_proto_negotiated() for end in self.ends], [agreed] * 2)

    def test_nothing_in_common(self) -> None:
        """A client that offers only others is refused, and both ends learn why; the next is not."""
        listener = self.listener(alpn=("h2",))
        said = self.shake(listener, self.connector(alpn=("h3", "http/1.1")))
        self.assertIn("none of the protocols that it offers is in alpn", said)
        self.assertIn("no application protocol", said)
        self.assertEqual(self.shake(listener, self.connector(alpn=("h2",))), "")


class MissingSuitesTest(SynchronousTestCase):
    """Suites that OpenSSL is built without."""

    def test_told(self) -> None:
        """If it has none of them, that is reported with the key."""
        from pipetwist.tls import context
        from pipetwist.values.tls_options import TlsOptions

        self.patch(context, "CIPHER_SUITES", {"TLS_X_WITH_Y": "X-Y"})
        options = TlsOptions(cipher_suites=("TLS_X_WITH_Y",))
        error = self.assertRaises(StartError, context.new_context, "inbound in", options)
        self.assertTrue(
            str(error).startswith("inbound in: tls.cipher_suites: OpenSSL has none of these: "),
            str(error),
        )
