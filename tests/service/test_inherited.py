"""A tree that listens with sockets that it was handed, as systemd does."""

from __future__ import annotations

import socket
from dataclasses import replace

from twisted.logger import capturedLogs, formatEvent

from pipetwist.config.document import Document
from pipetwist.errors import StartError
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.service.tree import PipetwistService
from tests.service.case import TreeTestCase


class InheritedTest(TreeTestCase):
    """One socket, which listens already."""

    def setUp(self) -> None:
        """Open it."""
        super().setUp()
        self.listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listening.close)
        self.listening.bind(str(self.folder / "in"))
        self.listening.listen()

    def make_with(self, name: str) -> PipetwistService:
        """A tree with an inbound of this name."""
        document = Document(
            inbounds=(self.inbound(name),),
            outbounds=(ForkOutboundOptions(tag="tool", command=("cat",)),),
        )
        tree = PipetwistService(
            document, self.reactor, spawner=self.spawner, inherited=[self.listening.fileno()]
        )
        self.addCleanup(self.stop, tree)
        return tree

    def test_of_no_use(self) -> None:
        """Where no inbound listens at its address the tree can't be made."""
        error = self.assertRaises(StartError, self.make_with, "other")
        self.assertIn(f"{self.folder}/in was inherited, and no inbound listens there", str(error))

    def test_reload(self) -> None:
        """Where none does any more after a reload that is warned of, each time until one does
        again.
        """
        tree = self.make_with("in")
        tree.startService()
        found = []
        for name in ("in", "other", "other", "in"):
            with capturedLogs() as events:
                self.successResultOf(
                    tree.reload(replace(tree.document, inbounds=(self.inbound(name),)))
                )
            found.append(
                [formatEvent(event) for event in events if event["log_level"].name == "warn"]
            )
        warning = (
            f"{self.folder}/in was inherited, and no inbound listens there any more: its clients "
            "get no answer"
        )
        self.assertEqual(found, [[], [warning], [warning], []])
        self.connect("in")
        self.assertEqual(tree.outbounds["tool"].processes, 1)
