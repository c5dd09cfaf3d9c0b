"""What pluggable transports are told."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.plugins.contract import ContractError, Place
from pipetwist.plugins.pt import PtClient, PtServer, ServerTransport
from tests.support.scratch import scratch_folder


class PtClientTest(SynchronousTestCase):
    """One process, which two outbounds share."""

    def test_users(self) -> None:
        """It is asked for what they use, each once, and for no more once one has left."""
        contract = PtClient("obfs4proxy", str(scratch_folder(self) / "state"))
        contract.join("one", "obfs4")
        self.assertTrue(contract.lacks_any)
        self.assertEqual(contract.begin()["TOR_PT_CLIENT_TRANSPORTS"], "obfs4")
        contract.join("other", "obfs4")
        self.assertFalse(contract.is_outdated)
        contract.join("third", "meek")
        self.assertTrue(contract.lacks_any)
        self.assertEqual(contract.begin()["TOR_PT_CLIENT_TRANSPORTS"], "meek,obfs4")
        contract.leave("third")
        self.assertEqual((contract.lacks_any, contract.is_outdated), (False, True))
        self.assertEqual(contract.begin()["TOR_PT_CLIENT_TRANSPORTS"], "obfs4")


class StateFolderTest(SynchronousTestCase):
    """The folder for a program's keys."""

    def test_not_made(self) -> None:
        """Where it can't be made the reason names it."""
        path = str(scratch_folder(self) / "nowhere" / "state")
        contract = PtClient("obfs4proxy", path)
        error = self.assertRaises(OSError, contract.begin)
        expected = f"state_path: {path} can't be made: No such file or directory"
        self.assertEqual(error.strerror, expected)


class PtServerTest(SynchronousTestCase):
    """One process."""

    def setUp(self) -> None:
        """Have it ask for two transports."""
        self.contract = PtServer("obfs4proxy", str(scratch_folder(self) / "state"))
        self.contract.ours = {"TOR_PT_EXTENDED_SERVER_PORT": "127.0.0.1:9"}
        self.one = ServerTransport("obfs3", ("192.0.2.1", 443))
        self.other = ServerTransport("obfs4", ("2001:db8::1", 80), {"iat-mode": "1", "a": "b;c"})
        self.contract.transports = {"obfs3": self.one, "obfs4": self.other}

    def test_variables(self) -> None:
        """It is told of all of them, and which option is whose."""
        variables = self.contract.begin()
        self.assertEqual(
            {name: text for name, text in variables.items() if "SERVER" in name},
            {
                "TOR_PT_SERVER_TRANSPORTS": "obfs3,obfs4",
                "TOR_PT_SERVER_BINDADDR": "obfs3-192.0.2.1:443,obfs4-[2001:db8::1]:80",
                "TOR_PT_SERVER_TRANSPORT_OPTIONS": "obfs4:iat-mode=1;obfs4:a=b\\;c",
                "TOR_PT_EXTENDED_SERVER_PORT": "127.0.0.1:9",
            },
        )

    def test_elsewhere(self) -> None:
        """One that listens at another port than it was told to does not keep to the contract."""
        self.contract.begin()
        error = self.assertRaises(
            ContractError, self.contract.said, b"VERSION 1\nSMETHOD obfs3 192.0.2.1:444\n"
        )
        expected = "its transport obfs3 listens at 192.0.2.1:444, and not on port 443"
        self.assertEqual(str(error), expected)

    def test_methods(self) -> None:
        """It is ready when all of them are."""
        self.contract.begin()
        self.contract.said(b"VERSION 1\nSMETHOD obfs3 192.0.2.1:443\n")
        self.assertIsNone(self.contract.places())
        self.contract.said(b"SMETHOD obfs4 [2001:db8::1]:80 ARGS:cert=x\nSMETHODS DONE\n")
        self.assertEqual(
            self.contract.places(), [Place(*self.one.listen), Place(*self.other.listen)]
        )
        method = self.contract.method("obfs4")
        assert method is not None
        self.assertEqual(method.arguments, {"cert": "x"})
        self.assertIsNone(self.contract.method("meek"))

    def test_outdated(self) -> None:
        """A change of what is asked for is known until the next start."""
        self.assertTrue(self.contract.is_outdated)
        self.contract.begin()
        self.assertFalse(self.contract.is_outdated)
        self.contract.transports = {"obfs4": ServerTransport("obfs4", self.other.listen)}
        self.assertTrue(self.contract.is_outdated)
        self.contract.begin()
        self.contract.ours = {"TOR_PT_ORPORT": "127.0.0.1:9"}
        self.assertTrue(self.contract.is_outdated)
