"""Commands in Twisted's endpoint strings."""

from __future__ import annotations

from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer

from pipetwist.errors import StartError
from pipetwist.process.endpoint import CommandEndpoint


@implementer(IHalfCloseableProtocol)
class _Asking(Protocol):
    """Sends, ends its direction, and keeps what comes until the end."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.data = b""
        self.over: Deferred[Failure] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"pear\napple\npear\n")
        self.transport.loseWriteConnection()  # type: ignore[attr-defined]  # what ITransport lacks

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def readConnectionLost(self) -> None:
        self.heard.append("read")

    def writeConnectionLost(self) -> None:
        self.heard.append("write")

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Protocol's own default is a reused failure
        self.over.callback(reason.type)  # type: ignore[arg-type]  # the class alone


class RunningTest(TestCase):
    """With Twisted's own parser, its reactor and a command."""

    timeout = 60

    async def test_half_close(self) -> None:
        """The command gets the end of the input, and its answer comes after that."""
        endpoint = clientFromString(reactor, "fork:sort:-u:inherit_env=no")
        self.assertIsInstance(endpoint, CommandEndpoint)
        asking = await connectProtocol(endpoint, _Asking())
        self.assertIs(await asking.over, ConnectionDone)
        self.assertEqual((asking.data, sorted(asking.heard)), (b"apple\npear\n", ["read", "write"]))

    async def test_keys(self) -> None:
        """Colons and signs of equality in arguments are escaped, and keys say the rest."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        text = f"fork:sh:-c:echo a\\:b\\=c; pwd:cwd={folder}:kill_grace=0.5"
        asking = await connectProtocol(clientFromString(reactor, text), _Asking())
        await asking.over
        self.assertEqual(asking.data.decode(), f"a:b=c\n{folder}\n")


class MistakesTest(SynchronousTestCase):
    """Strings that can't be used."""

    def test_mistakes(self) -> None:
        """Each is refused in words."""
        for text, error, said in (
            ("fork:", StartError, "''"),
            ("fork:A=b", ValueError, "names no command"),
            ("fork:cat:colour=red", ValueError, '"colour" is not known here; use cwd, user'),
            ("fork:cat:inherit_env=perhaps", ValueError, "inherit_env is yes or no"),
            ("fork:cat:kill_grace=soon", ValueError, "soon"),
            ("fork:no-such-command", StartError, "'no-such-command' in PATH"),
        ):
            self.assertIn(
                said, str(self.assertRaises(error, clientFromString, Clock(), text)), text
            )
