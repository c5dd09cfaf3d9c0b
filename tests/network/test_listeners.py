"""The table of the sockets that are listened with."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import StartError
from pipetwist.network.listeners import ListenerTable
from pipetwist.values.bind_address import PortAddress, UnixAddress
from tests.support.scratch import scratch_folder


class ListenerTableTest(SynchronousTestCase):
    """Sockets that are opened and closed."""

    def setUp(self) -> None:
        """Make a table."""
        self.table = ListenerTable()
        self.path = str(scratch_folder(self) / "in.sock")

    def test_ports(self) -> None:
        """A port is in the table until it is closed, with whose it is."""
        (opened,) = self.table.open_ports("metrics.listen", PortAddress("127.0.0.1", 0), self.fail)
        port = opened.getsockname()[1]
        self.assertEqual(
            (list(self.table), repr(self.table)),
            ([opened], f"<ListenerTable metrics.listen on 127.0.0.1:{port}>"),
        )
        opened.close()
        self.assertEqual((len(self.table), repr(self.table)), (0, "<ListenerTable >"))
        opened.close()

    def test_unix(self) -> None:
        """So is a unix socket, of streams or of datagrams, of which the file goes as well."""
        for datagrams in (False, True):
            opened = self.table.open_unix("inbound in", UnixAddress(self.path, datagrams), 0o600)
            self.assertEqual(
                (list(self.table), repr(self.table)),
                ([opened.socket], f"<ListenerTable inbound in on unix:{self.path}>"),
            )
            opened.close()
            self.assertEqual(len(self.table), 0)

    def test_failure(self) -> None:
        """What can't be listened on is not in the table."""
        (opened,) = self.table.open_ports("first", PortAddress("127.0.0.1", 0), self.fail)
        self.addCleanup(opened.close)
        error = self.assertRaises(
            StartError,
            self.table.open_ports,
            "second",
            PortAddress("127.0.0.1", opened.getsockname()[1]),
            self.fail,
        )
        self.assertIn("second: can't listen on 127.0.0.1:", str(error))
        self.assertEqual(list(self.table), [opened])


class InheritingTest(SynchronousTestCase):
    """A socket that listened before."""

    def setUp(self) -> None:
        """Listen, as a service manager does, and hand the socket in."""
        self.listening = socket.socket()
        self.addCleanup(self.listening.close)
        self.listening.bind(("127.0.0.1", 0))
        self.listening.listen()
        self.port = self.listening.getsockname()[1]
        self.table = ListenerTable([self.listening.fileno()])

    def test_found(self) -> None:
        """It is found by the address that a configuration names, and by no other."""
        (found,) = self.table.find_inherited(
            PortAddress("127.0.0.1", self.port), "inbound in: listen"
        )
        self.assertEqual(found.descriptor, self.listening.fileno())
        for other in (
            PortAddress("127.0.0.1", self.port, "udp"),
            PortAddress("0.0.0.0", self.port),
            UnixAddress("/run/in.sock"),
        ):
            self.assertEqual(self.table.find_inherited(other, "inbound in: listen"), (), other)

    def test_copies(self) -> None:
        """Who listens with it has a copy in the table, and that it is closed ends nothing for the
        socket itself.
        """
        (copy,) = self.table.enter_copies(self.table.inherited, "inbound in")
        self.assertEqual(list(self.table), [copy])
        copy.close()
        self.assertEqual(list(self.table), [])
        with socket.create_connection(("127.0.0.1", self.port)):
            self.listening.accept()[0].close()
