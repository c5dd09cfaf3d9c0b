"""What is said of a server that can't be reached: what is wrong, and what to do."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.options import ApiTlsOptions
from pipetwist.client import diagnosis
from pipetwist.client.calls import StatsCalls
from pipetwist.client.control import ControlCalls
from pipetwist.client.counters import Selection, read_counters
from pipetwist.client.server import CONTROL_SERVICE, ClientTls, Server, parse_address
from pipetwist.errors import ServerError
from tests.support.api_server import SlowStore, counted, start_api
from tests.support.certificates import Authority
from tests.support.scratch import free_port, scratch_folder, wait_until


class _Case(SynchronousTestCase):
    def read(
        self, address: str, tls: ClientTls | None = None, timeout: float = 20.0
    ) -> dict[str, int]:
        """Ask for everything."""
        calls = StatsCalls(Server(address=parse_address(address), tls=tls, timeout=timeout))
        self.addCleanup(calls.close)
        return read_counters(calls, Selection())

    def error(self, address: str, tls: ClientTls | None = None, timeout: float = 20.0) -> str:
        """What is said where there is no answer."""
        error = self.assertRaises(ServerError, self.read, address, tls, timeout)
        self.assertEqual(len(str(error).splitlines()), 1)
        return str(error)


class NobodyTest(_Case):
    """Nobody is there."""

    def test_port(self) -> None:
        """A port on which nobody listens."""
        address = f"127.0.0.1:{free_port(self)}"
        self.assertIn(f"nothing listens at {address}; is the server running", self.error(address))

    def test_no_socket(self) -> None:
        """A unix socket that is not there."""
        address = f"unix:{scratch_folder(self)}/none.sock"
        self.assertIn(f"there is no socket {address}; is the server running", self.error(address))

    def test_stale_socket(self) -> None:
        """A unix socket that a crash left."""
        path = scratch_folder(self) / "stale.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
        self.assertIn(f"nothing listens at unix:{path}", self.error(f"unix:{path}"))

    def test_abstract_name(self) -> None:
        """An abstract name that nobody has."""
        self.assertIn("nothing listens at unix:@pipetwist-none", self.error("unix:@pipetwist-none"))

    def test_forbidden(self) -> None:
        """A unix socket that this user may not connect to."""
        address = f"unix:{scratch_folder(self)}/api.sock"

        # As the kernel does, but for root, whom it lets in everywhere.
        self.fail_to_connect(PermissionError(errno.EACCES, "Permission denied"))
        self.assertIn(
            f"this user may not connect to {address} (Permission denied)", self.error(address)
        )

    def test_no_way(self) -> None:
        """A machine that does not answer, and one to which there is no way, are distinguished."""
        address = f"127.0.0.1:{free_port(self)}"
        self.fail_to_connect(TimeoutError("timed out"))
        self.assertIn(
            f"{address} did not accept the connection in time; is the address right",
            self.error(address),
        )
        self.fail_to_connect(OSError(errno.ENETUNREACH, "Network is unreachable"))
        self.assertEqual(
            self.error(address), f"{address} can't be connected to: Network is unreachable"
        )

    def fail_to_connect(self, error: OSError) -> None:
        """Let the look at why there is no answer meet this."""

        def connect(server: Server) -> NoReturn:
            raise error

        self.patch(diagnosis, "_connect", connect)

    def test_unknown_name(self) -> None:
        """A name that has no address (RFC 6761, 6.4, promises that of this one)."""
        self.assertIn(
            "no address is known for the name nothing.invalid", self.error("nothing.invalid:1")
        )


class NoAnswerTest(_Case):
    """Somebody is there, and is no StatsService."""

    def test_silence(self) -> None:
        """A server that says nothing: the time-out ends it, and is said."""
        address = self.listen(lambda connection: connection.recv(65536))
        self.assertIn(
            f"{address} gave no answer to QueryStats within 0.3 s; wait longer with --timeout",
            self.error(address, timeout=0.3),
        )

    def test_other_protocol(self) -> None:
        """A server of another protocol; a web server, as that of the metrics is, is named."""
        address = self.listen(
            lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        )
        self.assertEqual(
            self.error(address),
            f"{address} accepts connections, but answers as a web server, and not as gRPC; is it "
            "the port of the API?",
        )
        address = self.listen(lambda connection: connection.sendall(b"SSH-2.0-x\r\n"))
        self.assertIn(
            f"{address} accepts connections, but does not answer as gRPC", self.error(address)
        )

    def test_slow(self) -> None:
        """A server that takes too long over the answer."""
        store = SlowStore()
        address = str(start_api(self, store).address)
        self.addCleanup(store.release.set)  # before the service stops
        self.assertIn(
            f"{address} gave no answer to QueryStats within 0.3 s", self.error(address, timeout=0.3)
        )

    def test_other_api(self) -> None:
        """The StatsService where the control service is looked for."""
        address = parse_address(str(start_api(self).address))
        server = Server(address=address, service=CONTROL_SERVICE)
        with closing(ControlCalls(server)) as calls:
            error = self.assertRaises(ServerError, calls.get_status)
        self.assertEqual(
            str(error),
            f"{server.address} has no call GetStatus; is it the port of the control service, and "
            "its daemon as new as this command?",
        )

    def test_other_service(self) -> None:
        """A gRPC server that has no StatsService."""
        from tests.support.foreign_servers import V2Ray5, serve

        servicer = V2Ray5()
        servicer.services = ("some.other.Service",)
        address = serve(self, servicer)
        self.assertIn(
            f"{address} has no call QueryStats; is it the port of the API, and is "
            "StatsService among its",
            self.error(address),
        )

    def test_full(self) -> None:
        """An API that has as many connections as it takes, with TLS or without, is known by its
        hanging up on everybody.
        """
        authority = Authority(self.scratch(), "ca")
        certificate, key = map(str, authority.issue("localhost"))
        for options, tls in (
            (None, None),
            (
                ApiTlsOptions(certificate_path=certificate, key_path=key),
                ClientTls(authority=str(authority.path), name="localhost"),
            ),
        ):
            api = start_api(self, tls=options)
            address = str(api.address)
            self.fill(address)
            says = (
                f"{address} closes every new connection; pipetwist's API does so while it has 128 "
                "connections, or 64 of one address, "
            )
            self.assertIn(
                f"{says}or fewer where descriptors are few: end some clients, ",
                self.error(address, tls),
            )

    def fill(self, address: str) -> None:
        """Take every connection that the API has; the test's clean-up closes them."""
        host, _, port = address.rpartition(":")
        taken: list[socket.socket] = []

        def full() -> bool:
            for _ in range(20):
                taken.append(socket.create_connection((host, int(port)), timeout=60))
                self.addCleanup(taken[-1].close)
            return any(_has_ended(one) for one in taken)

        wait_until(full, "connections to be closed")

    def scratch(self) -> Path:
        """A folder."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        return folder

    def test_refusal(self) -> None:
        """What a server says when it refuses a question is passed on."""
        calls = StatsCalls(
            Server(address=parse_address(str(start_api(self).address)), timeout=60.0)
        )
        self.addCleanup(calls.close)
        error = self.assertRaises(
            ServerError,
            read_counters,
            calls,
            Selection([f"pattern {number}" for number in range(101)]),
        )
        self.assertIn(
            "refuses QueryStats: the query has 101 patterns; the limit is 100", str(error)
        )

    def listen(self, answer: Callable[[socket.socket], Any]) -> str:
        """Listen, and answer each connection so and then close it when the client does."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(60)
                    answer(connection)
                    while connection.recv(65536):
                        pass

        thread = threading.Thread(target=_until_closed, args=(serve,), daemon=True)
        thread.start()
        self.addCleanup(listener.shutdown, socket.SHUT_RDWR)
        return f"127.0.0.1:{listener.getsockname()[1]}"


def _has_ended(connection: socket.socket) -> bool:
    """Whether the other side has closed it."""
    connection.setblocking(False)
    try:
        return not connection.recv(65536)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def _until_closed(serve: Callable[[], None]) -> None:
    try:
        serve()
    except OSError:
        return


class TlsTest(_Case):
    """TLS that does not come about, and TLS that does."""

    def setUp(self) -> None:
        """Certificates."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.authority = Authority(self.folder, "ca")
        self.ca = str(self.authority.path)

    def start(self, *, clients: bool = False) -> str:
        """Serve with TLS."""
        certificate, key = self.authority.issue("server")
        tls = ApiTlsOptions(
            certificate_path=str(certificate),
            key_path=str(key),
            client_certificate_path=self.ca if clients else None,
        )
        return str(start_api(self, counted({"a": 1}), tls=tls).address)

    def test_trusted(self) -> None:
        """With the CA's file the server is trusted, by its address or by the name that is given."""
        address = self.start()
        for name in (None, "server"):
            self.assertEqual(self.read(address, ClientTls(authority=self.ca, name=name)), {"a": 1})

    def test_certificate(self) -> None:
        """A client's certificate is presented."""
        address = self.start(clients=True)
        certificate, key = map(str, self.authority.issue("client"))
        self.assertEqual(
            self.read(address, ClientTls(authority=self.ca, certificate=certificate, key=key)),
            {"a": 1},
        )

    def test_needed(self) -> None:
        """A server with TLS that is asked without."""
        address = self.start()
        self.assertIn(f"{address} speaks TLS; add --tls", self.error(address))

    def test_not_there(self) -> None:
        """A server without TLS that is asked with it."""
        address = str(start_api(self).address)
        self.assertIn(f"{address} speaks no TLS; leave out --tls", self.error(address, ClientTls()))

    def test_not_trusted(self) -> None:
        """A server whose certificate comes from an unknown CA."""
        address = self.start()
        self.assertIn(
            f"the certificate of {address} can't be trusted", self.error(address, ClientTls())
        )

    def test_other_name(self) -> None:
        """A server whose certificate has another name."""
        address = self.start()
        said = self.error(address, ClientTls(authority=self.ca, name="example.org"))
        self.assertIn(f"the certificate of {address} can't be trusted", said)
        self.assertIn("--server-name", said)

    def test_certificate_needed(self) -> None:
        """A server that wants a certificate, and a client without one."""
        address = self.start(clients=True)
        said = self.error(address, ClientTls(authority=self.ca))
        self.assertIn(f"{address} accepts only clients with a certificate", said)

    def test_files(self) -> None:
        """A file that can't be read is named."""
        self.assertEqual(
            self.error("127.0.0.1:1", ClientTls(authority="/none.pem")),
            "/none.pem can't be read: No such file or directory",
        )

    def test_key_of_another(self) -> None:
        """A key that is not the certificate's is reported, with both files."""
        certificate, _ = self.authority.issue("client")
        _, key = self.authority.issue("other")
        said = self.error("127.0.0.1:1", ClientTls(certificate=str(certificate), key=str(key)))
        self.assertIn(
            f"{certificate} and {key} are not a certificate and its key as PEM: key values "
            "mismatch",
            said,
        )

    def test_no_certificate_in_file(self) -> None:
        """A file of the CA that has no certificate in it is named."""
        address = self.start()
        junk = self.folder / "junk.pem"
        junk.write_text("junk", encoding="ascii")
        self.assertIn(
            f"{junk} has no certificate", self.error(address, ClientTls(authority=str(junk)))
        )
