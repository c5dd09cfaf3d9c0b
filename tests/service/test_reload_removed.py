"""A reload of a tree whose sockets' files were removed by somebody."""

from __future__ import annotations

import shutil
import socket
from dataclasses import replace
from typing import Any

from twisted.logger import capturedLogs, formatEvent

from pipetwist.errors import StartError
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.inbounds.unixgram import UnixgramInboundOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.service.tree import PipetwistService
from tests.service.case import TreeTestCase


class RemovedTest(TreeTestCase):
    """What is gone comes back, or the log says why not."""

    def setUp(self) -> None:
        """A folder of its own for the socket."""
        super().setUp()
        self.sockets = self.folder / "sockets"
        self.sockets.mkdir()
        self.path = self.sockets / "in"

    def start(self, *inbounds: Any, **more: Any) -> PipetwistService:
        """Make a tree and start it."""
        tree = self.make(*inbounds, **more)
        tree.startService()
        return tree

    def unix(self, **options: Any) -> UnixInboundOptions:
        """An inbound there."""
        return UnixInboundOptions(tag="in", path=str(self.path), **options)

    def reload(self, tree: PipetwistService, **more: Any) -> list[str]:
        """Reload; the warnings that were logged."""
        with capturedLogs() as events:
            self.successResultOf(tree.reload(replace(tree.document, **more)))
        return [formatEvent(event) for event in events if event["log_level"].name == "warn"]

    def test_file(self) -> None:
        """A socket's file that was removed is created again, with the configured mode; open
        connections stay open.
        """
        tree = self.start(self.unix())
        client = self.connect("sockets/in")
        for mode in (0o600, 0o660, 0o666):
            self.path.unlink()
            self.assertEqual(self.reload(tree, inbounds=(self.unix(mode=mode),)), [])
            self.assertEqual(self.path.stat().st_mode & 0o777, mode)
            self.connect("sockets/in")
        self.assertEqual(tree.outbounds["tool"].processes, 4)
        client.sendall(b"still here")
        self.turn()
        self.assertEqual(self.spawner.processes[0].stdin, b"still here")
        self.successResultOf(tree.inbounds["in"].stop_listening())
        self.assertEqual(list(self.sockets.iterdir()), [])

    def test_folder(self) -> None:
        """If its folder is gone that is a warning, and the rest is taken; the socket comes back
        once the folder has.
        """
        tree = self.start(self.unix(), self.inbound("other"))
        shutil.rmtree(self.sockets)
        said = (
            f"inbound in: {self.path} was removed, and can't be created again now (there is "
            f"no folder {self.sockets}; make it first): "
            "nobody can connect; reload once it can, or restart"
        )
        self.assertEqual(
            self.reload(tree, inbounds=(self.unix(mode=0o666), self.inbound("new"))), [said]
        )
        self.connect("new")
        self.sockets.mkdir()
        self.assertEqual(self.reload(tree), [])
        self.connect("sockets/in")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o666)

    def test_replaced(self) -> None:
        """If another file has its name that stays, and is a warning."""
        tree = self.start(self.unix())
        self.path.unlink()
        self.path.symlink_to("nothing")
        (said,) = self.reload(tree, inbounds=(self.unix(mode=0o666),))
        self.assertIn(f"({self.path} exists and is not a socket", said)
        self.assertTrue(self.path.is_symlink())

    def test_taken_back(self) -> None:
        """A reload that comes to nothing leaves the socket there, with the mode that it had
        before.
        """
        tree = self.start(self.unix(mode=0o640), self.inbound("other"))
        self.path.unlink()
        wanted = (self.unix(mode=0o666), replace(self.inbound("other"), group="none-of-this-name"))
        reloading = tree.reload(replace(tree.document, inbounds=wanted))
        self.reactor.do_one()  # which a thread has asked for
        self.failureResultOf(reloading, StartError)
        self.connect("sockets/in")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)

    def test_datagrams(self) -> None:
        """A datagram socket's file that was removed is there again, and what is sent there
        arrives.
        """
        options = UnixgramInboundOptions(tag="in", path=str(self.path))
        tree = self.start(
            options,
            outbounds=(ForkOutboundOptions(tag="tool", command=("cat",), framing="rfc4571"),),
        )
        self.path.unlink()
        self.assertEqual(self.reload(tree), [])
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.bind("")
            client.sendto(b"hello", str(self.path))
            self.turn()
        self.assertEqual(tree.inbounds["in"].associations, 1)
        shutil.rmtree(self.sockets)
        (said,) = self.reload(tree)
        self.assertIn(
            f"{self.path} was removed, and can't be created again now (there is no folder", said
        )
        self.assertEqual(tree.inbounds["in"].associations, 1)
