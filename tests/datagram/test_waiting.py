"""Datagrams that wait."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.datagram.waiting import (
    MAX_BYTES,
    MAX_DATAGRAMS,
    Room,
    SharingDatagrams,
    WaitingDatagrams,
)


class WaitingTest(SynchronousTestCase):
    """The bounds."""

    def test_order(self) -> None:
        """The oldest comes first."""
        waiting = WaitingDatagrams()
        self.assertEqual([waiting.keep(datagram) for datagram in (b"a", b"", b"c")], [True] * 3)
        found = []
        while waiting:
            found.append(waiting.first())
            waiting.remove_first()
        self.assertEqual(found, [b"a", b"", b"c"])

    def test_shown(self) -> None:
        """They show how many they are, and how much."""
        waiting = WaitingDatagrams()
        for datagram in (b"abc", b""):
            waiting.keep(datagram)
        self.assertEqual(repr(waiting), "<WaitingDatagrams 2, 3 bytes>")

    def test_bounds(self) -> None:
        """They are those of the documentation."""
        self.assertEqual((MAX_DATAGRAMS, MAX_BYTES), (256, 256 * 1024))

    def test_datagrams(self) -> None:
        """So many are kept, be they empty; the newest beyond is not, until there is room."""
        waiting = WaitingDatagrams()
        kept = [waiting.keep(b"") for _ in range(MAX_DATAGRAMS + 2)]
        self.assertEqual((kept.count(True), kept[-3:]), (MAX_DATAGRAMS, [True, False, False]))
        waiting.remove_first()
        self.assertTrue(waiting.keep(b""))
        self.assertFalse(waiting.keep(b""))

    def test_bytes(self) -> None:
        """So many bytes are kept; one datagram always is, however large."""
        waiting = WaitingDatagrams()
        self.assertTrue(waiting.keep(bytes(MAX_BYTES + 1)))
        self.assertFalse(waiting.keep(b""))
        waiting.remove_first()
        self.assertTrue(waiting.keep(bytes(MAX_BYTES)))
        self.assertFalse(waiting.keep(b"x"))

    def test_shared(self) -> None:
        """Queues that share their memory keep no more together, and give back what they had."""
        room = Room(1000)
        queues = [SharingDatagrams(room) for _ in range(3)]
        kept = [queue.keep(bytes(300)) for queue in queues]
        self.assertEqual((kept, [len(queue) for queue in queues]), ([True, True, False], [1, 1, 0]))
        self.assertEqual(repr(room), "<Room 272 bytes left>")
        queues[0].remove_first()
        self.assertTrue(queues[2].keep(bytes(300)))
        for queue in queues:
            queue.clear()
        self.assertEqual((room.left, [queue.size for queue in queues]), (1000, [0, 0, 0]))
