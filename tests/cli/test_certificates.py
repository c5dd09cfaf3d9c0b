"""``pipetwist init certificates``."""

from __future__ import annotations

import socket
import ssl
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from tests.support.command_line import call
from tests.support.scratch import scratch_folder


class CertificatesTest(SynchronousTestCase):
    """What is made, and what it is good for."""

    def setUp(self) -> None:
        """A folder."""
        self.folder = scratch_folder(self)

    def make(self, *arguments: str) -> tuple[int | str | None, str, str]:
        """Call the command there."""
        return call("init", "certificates", "--folder", str(self.folder), *arguments)

    def test_files(self) -> None:
        """A CA, a server's and clients' certificates are made, and only their owner reads keys; a
        second call adds clients and replaces nothing.
        """
        said = "Wrote ca.key, ca.pem, server.key, server.pem, alice.key, alice.pem.\n"
        self.assertEqual(self.make("alice"), (0, said, ""))
        before = (self.folder / "ca.pem").read_bytes()
        self.assertEqual(self.make("bob"), (0, "Wrote bob.key, bob.pem.\n", ""))
        self.assertEqual((self.folder / "ca.pem").read_bytes(), before)
        for path in self.folder.iterdir():
            self.assertEqual(path.stat().st_mode & 0o077, 0 if path.suffix == ".key" else 0o044)
        status, output, errors = self.make("alice")
        self.assertEqual((status, output), (1, ""))
        self.assertIn("alice.key exists already, and was not changed", errors)

    def test_handshake(self) -> None:
        """OpenSSL trusts both ends, and the client's certificate has its name."""
        self.make("alice", "--host", "relay.example", "--days", "2")
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        server.load_verify_locations(self.folder / "ca.pem")
        server.verify_mode = ssl.CERT_REQUIRED
        client = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        client.verify_flags |= ssl.VERIFY_X509_STRICT
        client.load_cert_chain(self.folder / "alice.pem", self.folder / "alice.key")
        near, far = socket.socketpair()
        for end in (near, far):
            end.settimeout(60)
            self.addCleanup(end.close)
        names: list[object] = []

        def serve() -> None:
            with server.wrap_socket(far, server_side=True) as accepted:
                names.append(accepted.getpeercert())
                accepted.sendall(b"x")

        thread = Thread(target=serve)
        thread.start()
        with client.wrap_socket(near, server_hostname="relay.example") as connected:
            self.assertEqual(connected.recv(1), b"x")
        thread.join(60)
        (certificate,) = names
        assert isinstance(certificate, dict)
        self.assertEqual(certificate["subject"], ((("commonName", "alice"),),))

    def test_address(self) -> None:
        """A server may be an address."""
        self.assertEqual(self.make("--host", "127.0.0.1")[0], 0)
        decoded = ssl._ssl._test_decode_cert(str(self.folder / "server.pem"))  # type: ignore[attr-defined]  # there is no other way in the library
        self.assertEqual(decoded["subjectAltName"], (("IP Address", "127.0.0.1"),))

    def test_mistakes(self) -> None:
        """A name that is no file's is a mistake of the call; an authority that can't be used, and a
        folder where nothing may be written, are told in a line.
        """
        for name in ("../x", "ca", "server", ".x", ""):
            self.assertEqual(self.make(name)[0], 2, name)
        (self.folder / "ca.pem").write_text("nothing", encoding="utf-8")
        status, _, errors = self.make("alice")
        self.assertEqual(status, 1)
        (line,) = errors.splitlines()
        self.assertIn("can't be used: No such file or directory", line)
