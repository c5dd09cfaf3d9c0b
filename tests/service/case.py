"""A tree of services on a reactor, and with commands, that are the test's."""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.document import Document
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.service.tree import PipetwistService
from pipetwist.testing import FakeSpawner
from tests.support.mailbox import Mailbox
from tests.support.memory_transport import TurningReactor
from tests.support.scratch import scratch_folder

__all__ = ["TreeTestCase"]


class _ThreadedReactor(Mailbox, TurningReactor):
    """One to which threads can talk as well."""

    def __init__(self) -> None:
        Mailbox.__init__(self)
        TurningReactor.__init__(self)


class TreeTestCase(SynchronousTestCase):
    """Inbounds on unix sockets, and an outbound that starts commands, which are the test's."""

    def setUp(self) -> None:
        """Choose the paths."""
        self.folder = scratch_folder(self)
        self.reactor = _ThreadedReactor()
        self.spawner = FakeSpawner()

    def inbound(self, name: str = "in") -> UnixInboundOptions:
        """An inbound of that name, at a path of that name."""
        return UnixInboundOptions(tag=name, path=str(self.folder / name))

    def make(
        self,
        *inbounds: Any,
        outbounds: Any = (),
        failed: Any = None,
        store: Any = None,
        **more: Any,
    ) -> PipetwistService:
        """Build the tree; the test's clean-up stops it."""
        outbounds = outbounds or (ForkOutboundOptions(tag="tool", command=("cat",)),)
        document = Document(inbounds=inbounds or (self.inbound(),), outbounds=outbounds, **more)
        tree = PipetwistService(
            document, self.reactor, spawner=self.spawner, failed=failed, store=store
        )
        self.addCleanup(self.stop, tree)
        return tree

    def stop(self, tree: PipetwistService) -> None:
        """Stop it, however long that takes."""
        stopped = tree.stopService()
        self.reactor.pump([1] * 20)
        self.reactor.wait_for(stopped)
        self.successResultOf(stopped)

    def connect(self, name: str = "in") -> socket.socket:
        """Connect a client, and let it in; the test's clean-up closes it."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(str(self.folder / name))
        self.turn()
        return client

    def turn(self) -> None:
        """Let everything happen that can."""
        for _ in range(5):
            self.reactor.turn()
            self.reactor.advance(0)

    def there(self) -> list[str]:
        """The files that there are."""
        return sorted(path.name for path in self.folder.iterdir())
