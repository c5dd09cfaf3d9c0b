"""The contract of shadowsocks' plug-ins."""

from __future__ import annotations

import errno
import socket
from typing import NoReturn

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.interfaces import Medium
from pipetwist.plugins.contract import Place
from pipetwist.plugins.sip003 import Sip003Client, Sip003Server, check_options, free_port


class EnvironmentTest(SynchronousTestCase):
    """What a plug-in is told."""

    def test_client(self) -> None:
        """A client's listens on a port of ours, and connects to the server's; the port is another
        at each start.
        """
        contract = Sip003Client("/opt/obfs-local", "obfs=http;host=a\\;b", ("example.org", 8388))
        self.assertEqual(contract.name, "obfs-local")
        told = contract.begin()
        self.assertEqual(
            told,
            {
                "SS_REMOTE_HOST": "example.org",
                "SS_REMOTE_PORT": "8388",
                "SS_LOCAL_HOST": "127.0.0.1",
                "SS_LOCAL_PORT": str(contract.address[1]),
                "SS_PLUGIN_OPTIONS": "obfs=http;host=a\\;b",
            },
        )
        self.assertEqual(contract.places(), [Place(*contract.address)])
        self.assertGreater(contract.address[1], 0)
        ports = {contract.begin()["SS_LOCAL_PORT"] for _ in range(20)}
        self.assertGreater(len(ports), 1)

    def test_server(self) -> None:
        """A server's listens where it is told to, and connects to us. Without options there is no
        variable for them.
        """
        contract = Sip003Server("obfs-server", "", ("::", 8388))
        contract.ours = ("127.0.0.1", 4711)
        self.assertEqual(
            contract.begin(),
            {
                "SS_REMOTE_HOST": "::",
                "SS_REMOTE_PORT": "8388",
                "SS_LOCAL_HOST": "127.0.0.1",
                "SS_LOCAL_PORT": "4711",
            },
        )
        self.assertEqual(contract.places(), [Place("::", 8388)])

    def test_datagrams(self) -> None:
        """One that carries datagrams is told the same, and has to have the port over UDP."""
        both = (Medium.STREAM, Medium.DATAGRAMS)
        for media in (both, both[1:]):
            client = Sip003Client("a", "", ("example.org", 8388), media)
            client.begin()
            server = Sip003Server("a", "", ("::", 8388), media)
            for contract, address in ((client, client.address), (server, ("::", 8388))):
                self.assertEqual(
                    [place[:3] for place in contract.places()],
                    [(*address, medium) for medium in media],
                )
        self.assertEqual(str(server.places()[0]), "[::]:8388 over UDP")

    def test_free_port(self) -> None:
        """A port is free for all that it is for, if there is one at all."""
        both = (Medium.STREAM, Medium.DATAGRAMS)
        for _ in range(20):
            port = free_port(both)
            with socket.socket() as streams, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
                streams.bind(("127.0.0.1", port))
                datagrams.bind(("127.0.0.1", port))

        def taken(**_: object) -> NoReturn:
            raise OSError(errno.EADDRINUSE, "Address already in use")

        self.patch(socket, "socket", taken)
        self.assertRaises(OSError, free_port, both)

    def test_said(self) -> None:
        """What it writes to its standard output is for the log."""
        contract = Sip003Client("a", "", ("a", 1))
        self.assertEqual(contract.said(b"one\ntwo\xff\n"), b"one\ntwo\xff\n")


class OptionsTest(SynchronousTestCase):
    """The options of a plug-in."""

    def test_dangling(self) -> None:
        """Options that end within an escape are refused."""
        for good in ("", "a", "a=b;c", "a=\\\\", "a=\\;b"):
            check_options(good)
        for bad in ("\\", "a=b\\", "a=\\\\\\"):
            self.assertRaises(ValueError, check_options, bad)

    @given(st.text("ab;=\\"))
    def test_any(self, text: str) -> None:
        """They are good if and only if each backslash has something behind it that it escapes."""
        escaped = False
        for letter in text:
            escaped = letter == "\\" and not escaped
        if escaped:
            self.assertRaises(ValueError, check_options, text)
        else:
            check_options(text)
