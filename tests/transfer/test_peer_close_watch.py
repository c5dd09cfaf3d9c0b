"""Noticing that a socket's peer has gone, with real sockets."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import cast

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipetwist.transfer.peer_close_watch import PeerCloseWatch
from tests.support.loop import open_descriptors
from tests.support.memory_transport import TurningReactor


class PeerCloseWatchTest(SynchronousTestCase):
    """Pairs of sockets."""

    def setUp(self) -> None:
        """Watch the near end of a pair."""
        self.reactor = TurningReactor()
        self.watch = PeerCloseWatch(cast("IReactorFDSet", self.reactor))
        self.addCleanup(self.watch.close)
        self.near, self.far = self.pair()
        self.gone: list[str] = []
        self.watch.watch(self.near.fileno(), lambda: self.gone.append("near"))

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Two sockets that are connected; the test's clean-up closes them."""
        near, far = socket.socketpair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        return near, far

    def test_interface(self) -> None:
        """It is a descriptor for the reactor to read."""
        verifyObject(IReadDescriptor, self.watch)
        self.assertEqual(self.watch.logPrefix(), "hang-ups")

    def test_gone(self) -> None:
        """A peer that closes is noticed, once, with what it sent still unread."""
        self.far.sendall(b"last words")
        self.far.close()
        self.assertEqual(self.reactor.turn(), 1)
        self.assertEqual(self.gone, ["near"])
        self.assertEqual(self.reactor.turn(), 0)
        self.assertEqual((self.gone, self.near.recv(99)), (["near"], b"last words"))

    def test_failure(self) -> None:
        """An error in one function is logged, and the others are called: those of the same turn,
        and those that come later.
        """
        ends = [self.pair() for _ in range(2)]
        self.watch.forget(self.near.fileno())
        self.watch.watch(ends[0][0].fileno(), lambda: self.gone.append(str(1 // 0)))
        self.watch.watch(ends[1][0].fileno(), lambda: self.gone.append("other"))
        ends[0][1].close()
        ends[1][1].close()
        self.reactor.turn()
        self.assertEqual(self.gone, ["other"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        near, far = self.pair()
        self.watch.watch(near.fileno(), lambda: self.gone.append("later"))
        far.close()
        self.reactor.turn()
        self.assertEqual(self.gone, ["other", "later"])

    def test_copy_elsewhere(self) -> None:
        """Who has the number of a socket that was closed is not told of its end, though another
        process has a copy of it.
        """
        copy = self.near.dup()  # as a command has it that is being started
        self.addCleanup(copy.close)
        number = self.near.fileno()
        self.near.close()
        self.watch.forget(number)
        near, _far = self.pair()
        self.assertEqual(near.fileno(), number)
        self.watch.watch(number, lambda: self.gone.append("new"))
        self.far.close()
        self.reactor.turn()
        self.assertEqual(self.gone, [])

    def test_there(self) -> None:
        """A peer that sends, that half-closes, and that stops reading is there, and wakes
        nobody.
        """
        self.far.sendall(b"data")
        self.far.shutdown(socket.SHUT_WR)
        self.assertEqual(self.reactor.turn(), 0)
        self.assertEqual(self.gone, [])

    def test_gone_before(self) -> None:
        """A peer that went before it was watched is noticed as well."""
        near, far = self.pair()
        far.close()
        self.watch.watch(near.fileno(), lambda: self.gone.append("other"))
        self.reactor.turn()
        self.assertEqual(self.gone, ["other"])

    def test_half_closed_both_ways(self) -> None:
        """A peer that has half-closed and then goes is noticed then."""
        self.far.shutdown(socket.SHUT_WR)
        self.near.shutdown(socket.SHUT_WR)
        self.far.close()
        self.reactor.turn()
        self.assertEqual(self.gone, ["near"])

    def test_many(self) -> None:
        """Each peer is told to its own."""
        pairs = [self.pair() for _ in range(5)]
        for number, (near, _) in enumerate(pairs):
            self.watch.watch(near.fileno(), lambda number=number: self.gone.append(str(number)))  # type: ignore[misc]  # bound at once
        for number in (1, 3):
            pairs[number][1].close()
        self.reactor.turn()
        self.assertEqual(sorted(self.gone), ["1", "3"])

    def test_forgotten(self) -> None:
        """One that is forgotten is not told of, and the reactor reads nothing while nobody is
        watched.
        """
        self.assertEqual(self.reactor.readers, {self.watch})
        self.watch.forget(self.near.fileno())
        self.assertEqual(self.reactor.readers, set())
        self.watch.forget(self.near.fileno())
        self.far.close()
        self.watch.doRead()
        self.assertEqual(self.gone, [])

    def test_forgotten_meanwhile(self) -> None:
        """A socket that is forgotten while others of the same turn are reported is not reported."""
        other, far = self.pair()
        order: list[int] = []

        def first(mine: int, its: int) -> None:
            order.append(mine)
            self.watch.forget(its)

        self.watch.forget(self.near.fileno())
        near, far_too = self.pair()
        self.watch.watch(other.fileno(), lambda: first(other.fileno(), near.fileno()))
        self.watch.watch(near.fileno(), lambda: first(near.fileno(), other.fileno()))
        far.close()
        far_too.close()
        self.reactor.turn()
        self.assertEqual(len(order), 1)

    def test_number_used_again(self) -> None:
        """A descriptor that is closed and whose number comes again is another one."""
        number = self.near.fileno()
        self.watch.forget(number)
        self.near.close()
        self.far.close()
        near, far = self.pair()
        self.watch.watch(near.fileno(), lambda: self.gone.append("again"))
        self.assertEqual(self.reactor.turn(), 0)
        far.close()
        self.reactor.turn()
        self.assertEqual((near.fileno(), self.gone), (number, ["again"]))

    def test_no_socket(self) -> None:
        """What can't be polled is never gone."""
        with Path("/etc/passwd").open("rb") as file:
            self.watch.watch(file.fileno(), lambda: self.gone.append("file"))
            self.assertEqual(self.reactor.turn(), 0)
            self.watch.forget(file.fileno())

    def test_closed(self) -> None:
        """After it is closed nothing is reported, nothing of it is left, and `watch` and `forget`
        may still be called.
        """
        number = self.watch.fileno()
        self.watch.close()
        self.assertRaises(OSError, os.fstat, number)
        self.assertEqual(self.reactor.readers, set())
        self.far.close()
        self.watch.doRead()
        self.watch.forget(self.near.fileno())
        self.watch.close()
        self.assertEqual((self.gone, self.watch.fileno()), ([], -1))

    def test_used_again(self) -> None:
        """A service that is started again after it was stopped has its peers watched again."""
        self.watch.close()
        self.watch.watch(self.near.fileno(), lambda: self.gone.append("again"))
        self.far.close()
        self.reactor.turn()
        self.assertEqual(self.gone, ["again"])

    def test_no_descriptor_before(self) -> None:
        """It takes no descriptor of the system's before somebody is watched."""
        before = open_descriptors()
        watch = PeerCloseWatch(cast("IReactorFDSet", self.reactor))
        self.assertEqual(open_descriptors() - before, set())
        watch.close()

    def test_reactor_stops(self) -> None:
        """If the reactor says that it reads no more, it is closed."""
        self.watch.connectionLost(Failure(CONNECTION_DONE))
        self.assertEqual(self.watch.fileno(), -1)


class NoEpollTest(SynchronousTestCase):
    """Where nothing can be noticed."""

    def test_reactor_without_descriptors(self) -> None:
        """With a reactor that reads no descriptors nothing is ever noticed, and nothing goes
        wrong.
        """
        watch = PeerCloseWatch(object())  # type: ignore[arg-type]  # as with the reactors of other systems
        watch.watch(0, lambda: self.fail("gone"))
        watch.doRead()
        watch.forget(0)
        watch.close()
        self.assertEqual(watch.fileno(), -1)
