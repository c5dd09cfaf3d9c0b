"""What is open through a plug-in, with sides in memory."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.plugins.connections import PluginConnections
from pipetwist.testing import FakeSide, RecordingReceiver


class ConnectionsTest(SynchronousTestCase):
    """A side, its receiver, and what is between the two."""

    def setUp(self) -> None:
        """Open one connection."""
        self.is_ending = False
        self.connections = PluginConnections(lambda: self.is_ending)
        self.side = FakeSide()
        self.receiver = RecordingReceiver()
        self.watch = self.connections.watch(self.side, self.receiver)
        self.side.attach(self.watch)

    def test_passed_on(self) -> None:
        """While the plug-in runs every event is passed on."""
        self.watch.data_received(self.side, b"hello")
        self.watch.pause_writing(self.side)
        self.watch.resume_writing(self.side)
        self.watch.read_ended(self.side)
        self.watch.peer_closed(self.side)
        self.watch.lost(self.side, "Connection reset", whole=True)
        self.assertEqual(self.receiver.data, b"hello")
        self.assertEqual(
            self.receiver.heard,
            ["pause_writing", "resume_writing", "read_ended", "peer_closed", "lost"],
        )
        self.assertEqual(
            (self.receiver.reason, self.receiver.whole, len(self.connections)),
            ("Connection reset", True, 0),
        )

    def test_end_of_plugin(self) -> None:
        """An end that comes with that of the plug-in is held back, and the plug-in's told."""
        self.is_ending = True
        self.watch.read_ended(self.side)
        self.watch.lost(self.side, "Connection reset")
        self.assertEqual(self.receiver.heard, [])
        self.connections.end("the plug-in a was killed")
        self.assertEqual(self.receiver.heard, ["lost"])
        self.assertEqual(self.receiver.reason, "the plug-in a was killed")
        self.assertTrue(self.side.over)

    def test_end_unheard(self) -> None:
        """A connection that has seen nothing of it ends for that reason as well, once."""
        self.connections.end("the plug-in a was killed")
        self.connections.end("again")
        self.watch.lost(self.side, "")
        self.assertEqual(self.receiver.heard, ["lost"])
        self.assertEqual(len(self.connections), 0)

    def test_our_own_end(self) -> None:
        """What we have closed ourselves is over, also while the plug-in ends."""
        self.is_ending = True
        self.watch.lost(self.side, "")
        self.assertEqual((self.receiver.heard, self.receiver.reason), (["lost"], ""))

    def test_once_empty(self) -> None:
        """Who waits until none is open is called after the last one, or at once."""
        called: list[str] = []
        self.connections.once_empty(lambda: called.append("later"))
        self.assertEqual(called, [])
        self.watch.lost(self.side, "")
        self.assertEqual(called, ["later"])
        self.connections.once_empty(lambda: called.append("at once"))
        self.assertEqual(called, ["later", "at once"])
