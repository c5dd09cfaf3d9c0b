"""A socket as a side, alone: what its peer does it tells, and what it is given it delivers."""

from __future__ import annotations

import errno
import os
import select
import socket
from typing import Any

from pipetwist.kernel.poller import IN, OUT, Pollable
from pipetwist.kernel.socket_side import SocketSide, SocketWriter
from pipetwist.kernel.writer import HIGH_WATER_BYTES
from pipetwist.testing import RecordingReceiver
from tests.kernel.side_case import SideCase
from tests.support.loop import take_all


class ReadingTest(SideCase):
    """What the peer sends."""

    def test_nothing_before_it_is_asked_for(self) -> None:
        """Nothing is read before reading is resumed; what came before is read then, and counted."""
        self.peer.send(b"one")
        self.loop.settle()
        self.assertEqual(
            (self.receiver.data, self.side.received, self.kernel.poller._told), (b"", 0, {})
        )
        self.read_on()
        self.peer.send(b"two")
        self.loop.settle()
        self.assertEqual(
            (self.receiver.data, self.side.received, self.side.delivered), (b"onetwo", 6, 0)
        )
        self.assertEqual(self._tracked(), (6, 0))

    def test_pause(self) -> None:
        """Nothing is read while reading is paused, however often it is, and it costs nothing."""
        self.read_on()
        self.side.pause_reading()
        self.side.pause_reading()
        self.peer.send(b"later")
        self.loop.settle()
        self.assertEqual(self.receiver.data, b"")
        self.side.resume_reading()
        self.side.resume_reading()
        self.loop.settle()
        self.assertEqual(self.receiver.data, b"later")

    def test_pause_at_data(self) -> None:
        """Whoever is given data may pause at once: more waits."""
        receiver = _Pauses(self.side)
        self.side.attach(receiver)
        for number in range(3):
            self.peer.send(b"%d" % number)
            self.loop.settle()
            self.assertEqual((receiver.data, self.side.received), (b"012"[:number], number))
            self.read_on()

    def test_end(self) -> None:
        """The peer's end of file is reported once, after what it has sent; writing goes on."""
        self.peer.send(b"last")
        self.peer.shutdown(socket.SHUT_WR)
        self.read_on()
        self.side.resume_reading()
        self.side.pause_reading()
        self.side.resume_reading()
        self.loop.settle()
        self.assertEqual((self.receiver.data, self.heard()), (b"last", ["read_ended"]))
        self.side.write(b"answer")
        self.assertEqual((self.peer.recv(99), self.side.delivered), (b"answer", 6))

    def test_hung_up(self) -> None:
        """A peer that closes is reported at once while nothing is read; what it has sent is read
        later, then its end.
        """
        self.read_on()
        self.side.pause_reading()
        self.peer.send(b"last")
        self.peer.close()
        self.loop.settle()
        self.assertEqual((self.receiver.data, self.heard()), (b"", ["peer_closed"]))
        self.read_on()
        self.assertEqual(
            (self.receiver.data, set(self.heard())), (b"last", {"peer_closed", "read_ended"})
        )
        self.assertEqual(self.heard()[1], "read_ended")

    def test_hung_up_after_the_end(self) -> None:
        """A peer that closes while it is read is reported as the end and the hang-up; that it
        half-closed before makes no difference.
        """
        self.peer.send(b"last")
        self.peer.close()
        self.read_on()
        self.assertEqual(
            (self.receiver.data, self.heard()[:2]), (b"last", ["read_ended", "peer_closed"])
        )
        self.side, self.receiver, self.peer = self.make()
        self.peer.shutdown(socket.SHUT_WR)
        self.read_on()
        self.assertEqual(self.heard(), ["read_ended"])
        self.peer.close()
        self.loop.settle()
        self.assertEqual(self.heard(), ["read_ended", "peer_closed"])

    def test_blocking_or_not(self) -> None:
        """Whether the socket blocks or not, nobody waits for it."""
        for blocks in (True, False):
            near, far = self.pair()
            near.setblocking(blocks)
            side = SocketSide(self.kernel, near)
            self.addCleanup(side.abort)
            side.attach(RecordingReceiver())
            side.resume_reading()
            side.ready(IN)
            self.assertEqual((side.received, side.ending.over), (0, False))
            side.write(bytes(10_000_000))
            self.assertTrue(side.writer.waiting)
            self.assertEqual(len(take_all(far)), side.delivered)

    def test_shown(self) -> None:
        """It shows its descriptor, its halves and what waits, and so do its halves."""
        self.fill()
        waits = len(self.side.writer.queue or b"")
        self.side.resume_reading()
        self.side.write_eof()
        self.peer.shutdown(socket.SHUT_WR)
        shown = (
            f"<SocketSide fd={self.side.socket.fileno()} reading=OPEN writing=DRAINING {waits} "
            "queued>"
        )
        self.assertEqual(
            (repr(self.side), repr(self.side.writer)), (shown, f"<SocketWriter of {shown}>")
        )
        self.loop.settle()
        self.assertEqual(repr(self.side), shown.replace("OPEN", "EOF"))
        self.side.abort()
        self.assertEqual(
            repr(self.side), shown.partition(" reading")[0] + " reading=EOF writing=CLOSED>"
        )

    def _tracked(self) -> tuple[int, int]:
        tracker: Any = self.side.tracker
        return tracker.up, tracker.down


class _Pauses(RecordingReceiver):
    """Pauses its side at whatever comes."""

    def __init__(self, side: SocketSide) -> None:
        super().__init__()
        self._side = side

    def data_received(self, side: object, data: bytes) -> None:
        super().data_received(side, data)
        self._side.pause_reading()


class WritingTest(SideCase):
    """What the peer is sent."""

    def test_at_once(self) -> None:
        """What the system takes is delivered in the call, and counted; nothing is watched for
        it.
        """
        self.side.write(b"one")
        self.side.write(b"two")
        self.assertEqual((take_all(self.peer), self.side.delivered), (b"onetwo", 6))
        self.assertEqual((self.kernel.poller._told, self.heard()), ({}, []))

    def test_crowded(self) -> None:
        """What the system does not take waits; more than a little crowds the side, until all of it
        is delivered.
        """
        written = self.fill()
        for _ in range(-(-HIGH_WATER_BYTES // 10_000)):
            if len(self.side.writer.queue or b"") <= HIGH_WATER_BYTES:
                self.assertEqual(self.heard(), [])
            self.side.write(b"y" * 10_000)
            written += b"y" * 10_000
        self.assertEqual(self.heard(), ["pause_writing"])
        self.side.write(b"z")
        written += b"z"
        self.assertTrue(self.take_what_waits("pause_writing") == written)
        self.assertEqual(
            (self.heard(), self.side.delivered), (["pause_writing", "resume_writing"], len(written))
        )
        self.assertEqual((self.side.writer.queue, self.side.writer.waiting), (None, False))

    def test_finish(self) -> None:
        """The end of file follows what was written, at once or when there is room; reading goes on,
        and nothing more is written.
        """
        written = self.fill()
        self.side.write_eof()
        self.side.write_eof()
        self.side.write(b"too late")
        self.take(written)
        self.assertEqual(self.peer.recv(1), b"")
        self.side.write(b"too late")
        self.side.write_eof()
        self.peer.send(b"still heard")
        self.read_on()
        self.assertEqual((self.receiver.data, self.heard()), (b"still heard", []))

    def test_finish_at_once(self) -> None:
        """If nothing waits the end of file is sent in the call."""
        self.side.write(b"x")
        self.side.write_eof()
        self.assertEqual((self.peer.recv(9), self.peer.recv(9)), (b"x", b""))

    def test_peer_takes_no_more(self) -> None:
        """A peer that only reads no more loses what is written for it, and is heard to its end,
        which ends the side for the reason.
        """
        self.peer.send(b"its last words")
        self.peer.shutdown(socket.SHUT_RD)
        self.side.write(b"unheard")
        self.side.write(b"unheard as well")
        self.assertEqual((self.side.delivered, self.heard()), (0, []))
        self.read_on()
        self.assertEqual((self.receiver.data, self.heard()), (b"its last words", []))
        self.peer.shutdown(socket.SHUT_WR)
        self.loop.settle()
        self.assertEqual(
            (self.heard(), self.receiver.reason),
            (["read_ended", "lost"], "the connection was reset"),
        )

    def test_peer_takes_no_more_of_what_waits(self) -> None:
        """What waits for a peer that has gone is forgotten, and whoever was held back for it is
        told.
        """
        self.fill()
        self.side.write(bytes(2 * HIGH_WATER_BYTES))
        self.peer.close()
        self.loop.settle()
        self.assertEqual(self.heard()[:3], ["pause_writing", "resume_writing", "peer_closed"])
        self.assertEqual((self.side.writer.queue, self.side.writer.waiting), (None, False))

    def test_peer_takes_no_more_and_has_ended(self) -> None:
        """A peer that has ended and reads no more is lost when something is written for it."""
        self.peer.shutdown(socket.SHUT_WR)
        self.read_on()
        self.peer.shutdown(socket.SHUT_RD)
        self.side.write(b"unheard")
        self.assertEqual(
            (self.heard(), self.receiver.reason),
            (["read_ended", "lost"], "the connection was reset"),
        )


class TroubleTest(SideCase):
    """The system is short of something."""

    def test_unwatchable(self) -> None:
        """A side that the kernel can't watch, to read or to write, is lost for the kernel's
        reason.
        """
        self.patch(self.kernel.poller, "add", self._no_space)
        self.side.resume_reading()
        self.assertEqual(
            (self.heard(), self.receiver.reason), (["lost"], "No space left on device")
        )
        self.side, self.receiver, self.peer = self.make()
        self.side.write(bytes(10_000_000))
        self.side.write(b"late")
        self.assertEqual(
            (self.heard(), self.receiver.reason), (["lost"], "No space left on device")
        )

    def test_no_memory(self) -> None:
        """What the system has no memory for is delivered when it has."""
        send = SocketWriter.send
        for number in (errno.ENOBUFS, errno.ENOMEM):
            self.side, self.receiver, self.peer = self.make()
            shortage = _Shortage(number)
            self.patch(SocketWriter, "send", shortage.around(send))
            self.side.write(b"one")
            self.side.write(b"two")
            self.assertEqual((self.side.delivered, self.side.writer.waiting), (0, True))
            self.loop.turn()
            self.assertEqual((self.heard(), self.side.delivered), ([], 0))
            shortage.over = True
            self.loop.settle()
            self.assertEqual(
                (take_all(self.peer), self.side.delivered, self.heard()), (b"onetwo", 6, [])
            )

    def test_close_without_memory(self) -> None:
        """A side of which nothing could be delivered yet is not closed before that is done."""
        shortage, send = _Shortage(errno.ENOBUFS), SocketWriter.send
        self.patch(SocketWriter, "send", shortage.around(send))
        self.side.write(b"hello")
        self.side.close()
        self.loop.turn()
        self.assertEqual(self.heard(), [])
        shortage.over = True
        self.loop.settle()
        self.assertEqual((self.peer.recv(99), self.peer.recv(99)), (b"hello", b""))

    def _no_space(self, descriptor: int, told: Pollable, events: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class _Shortage:
    """Lets a system call fail as long as it lasts."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.over = False

    def around(self, call: Any) -> Any:
        def short(*arguments: Any, **keywords: Any) -> Any:
            if not self.over:
                raise OSError(self._number, os.strerror(self._number))
            return call(*arguments, **keywords)

        return short


class DirectlyToldTest(SideCase):
    """Events that come in a way that the kernel tells rarely."""

    def test_end_and_hang_up(self) -> None:
        """A peer of whom the kernel tells at once that it has sent everything and that it has gone
        is told so at once, both.
        """
        self.side.resume_reading()
        self.peer.close()
        self.side.ready(IN | select.EPOLLHUP)
        self.assertEqual(self.heard(), ["read_ended", "peer_closed"])

    def test_late_events(self) -> None:
        """Events that come though nothing can be read or written change nothing."""
        self.side.resume_reading()
        for events in (IN, OUT, IN | OUT):
            self.side.ready(events)
        self.assertEqual((self.heard(), self.side.ending.over), ([], False))

    def test_error_with_nothing_to_read(self) -> None:
        """An error without anything to read is no end."""
        self.side.resume_reading()
        self.side.ready(select.EPOLLERR)
        self.assertEqual((self.heard(), self.side.ending.over), ([], False))
