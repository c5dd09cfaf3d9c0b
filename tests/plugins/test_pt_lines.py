"""The lines of pluggable transports."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.plugins.contract import ContractError
from pipetwist.plugins.pt_lines import MAX_LINE_BYTES, MAX_LINES, Method, PtLines

# As obfs4proxy 0.0.14 said it.
_CLIENT = b"VERSION 1\nCMETHOD obfs4 socks5 127.0.0.1:41659\nCMETHODS DONE\n"
_SERVER = b"VERSION 1\nSMETHOD obfs4 127.0.0.1:24003 ARGS:cert=AbC+/x==,iat-mode=0\nSMETHODS DONE\n"


class LinesTest(SynchronousTestCase):
    """What a process says."""

    def lines(self, *transports: str) -> PtLines:
        """Those of a client."""
        return PtLines("client", transports or ("obfs4",))

    def fault(self, text: bytes, *transports: str) -> str:
        """Why it can't be used."""
        error = self.assertRaises(ContractError, self.lines(*transports).receive, text)
        return str(error)

    def test_client(self) -> None:
        """A client's transports listen where it says, and are ready when it has said all."""
        lines = self.lines()
        lines.receive(_CLIENT[:-1])
        self.assertFalse(lines.done)
        lines.receive(b"\n")
        self.assertTrue(lines.done)
        self.assertEqual(lines.methods, {"obfs4": Method(("127.0.0.1", 41659))})

    def test_server(self) -> None:
        """A server's say what clients need as well."""
        lines = PtLines("server", ("obfs4",))
        lines.receive(_SERVER)
        self.assertEqual(
            lines.methods["obfs4"],
            Method(("127.0.0.1", 24003), {"cert": "AbC+/x==", "iat-mode": "0"}),
        )

    def test_others(self) -> None:
        """Words that are not known are ignored, as are transports that nobody has asked for; LOG
        and STATUS are for the log, also later.
        """
        lines = self.lines()
        logged = lines.receive(
            b"PROXY DONE\nFUTURE word\nLOG SEVERITY=info MESSAGE=hello\n"
            b"CMETHOD other socks4 nowhere\n" + _CLIENT
        )
        self.assertEqual(logged, ["LOG SEVERITY=info MESSAGE=hello"])
        self.assertEqual(list(lines.methods), ["obfs4"])
        self.assertEqual(
            lines.receive(b"STATUS TRANSPORT=obfs4 x=y\r\nFUTURE\n"),
            ["STATUS TRANSPORT=obfs4 x=y"],
        )

    def test_failures(self) -> None:
        """What it says that it can't do is in the reason, in its words."""
        for word in (b"ENV-ERROR", b"VERSION-ERROR", b"PROXY-ERROR"):
            self.assertEqual(self.fault(word + b" no way\n"), f"it said '{word.decode()} no way'")
        self.assertEqual(
            self.fault(b"VERSION 1\nCMETHOD-ERROR obfs4 no such\n"),
            "its transport obfs4 can't work: 'CMETHOD-ERROR obfs4 no such'",
        )
        self.assertEqual(
            self.fault(b"VERSION 1\nCMETHODS DONE\n"), "it does not know the transport obfs4"
        )
        self.assertEqual(
            self.fault(b"VERSION 2\n"), "it speaks version '2' of the protocol, and not 1"
        )
        self.assertEqual(
            self.fault(b"CMETHODS DONE\n"),
            "it did not say which version of the protocol it speaks",
        )

    def test_bad_methods(self) -> None:
        """A method with another protocol, without an address, with a bad one, or with one that
        other machines reach, is a fault.
        """
        for method, expected in (
            (b"socks4 127.0.0.1:1", "its transport obfs4 speaks 'socks4', and not socks5"),
            (b"socks5", "it did not say where its transport obfs4 listens"),
            (
                b"socks5 localhost:1",
                "it said that its transport obfs4 listens at 'localhost:1', which is no address",
            ),
            (
                b"socks5 127.0.0.1:65536",
                (
                    "it said that its transport obfs4 listens at '127.0.0.1:65536', which is no "
                    "address"
                ),
            ),
            (
                b"socks5 [::1%lo]:1",
                "it said that its transport obfs4 listens at '[::1%lo]:1', which is no address",
            ),
            (
                b"socks5 192.0.2.1:1",
                "its transport obfs4 listens at 192.0.2.1:1, where other machines reach it",
            ),
        ):
            self.assertEqual(self.fault(b"VERSION 1\nCMETHOD obfs4 " + method + b"\n"), expected)
        lines = PtLines("server", ("obfs4",))
        error = self.assertRaises(
            ContractError, lines.receive, b"SMETHOD obfs4 192.0.2.1:1 ARGS:cert\n"
        )
        self.assertIn("arguments that can't be read", str(error))

    def test_bounds(self) -> None:
        """A line that is too long, or too many of them, is a fault before it is ready, and no
        more than a cut line afterwards.
        """
        self.assertIn("a line of more than", self.fault(b"x" * (MAX_LINE_BYTES + 1)))
        self.assertIn("lines before it was ready", self.fault(b"x\n" * (MAX_LINES + 1)))
        lines = self.lines()
        lines.receive(_CLIENT)
        for _ in range(10):
            lines.receive(b"LOG " + b"x" * 1_000_000)
        (logged,) = lines.receive(b"\n")
        self.assertLessEqual(len(logged), MAX_LINE_BYTES + 1)

    @given(st.lists(st.integers(0, len(_CLIENT)), max_size=8))
    def test_any_pieces(self, cuts: list[int]) -> None:
        """In whatever pieces it comes, it is the same."""
        lines = self.lines()
        places = [0, *sorted(cuts), len(_CLIENT)]
        for start, end in itertools.pairwise(places):
            lines.receive(_CLIENT[start:end])
        self.assertTrue(lines.done)

    @given(
        st.lists(
            st.binary(max_size=60)
            | st.sampled_from(
                [b"VERSION 1\n", b"CMETHOD obfs4 socks5 ", b"127.0.0.1:1\n", b"CMETHODS DONE\n"]
            ),
            max_size=30,
        )
    )
    def test_any_bytes(self, pieces: list[bytes]) -> None:
        """Whatever comes, it is taken or a fault; and it is done only with an address on this
        machine.
        """
        lines = self.lines()
        try:
            for piece in pieces:
                lines.receive(piece)
        except ContractError:
            return
        if lines.done:
            self.assertTrue(lines.methods["obfs4"].address[0].startswith(("127.", "::1")))
