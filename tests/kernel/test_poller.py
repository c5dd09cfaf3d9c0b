"""The epoll set: whom it tells of what, and when it does not."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable
from pathlib import Path

from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from pipetwist.kernel import poller as poller_module
from pipetwist.kernel.poller import IN, OUT, Poller
from tests.support.loop import KernelCase

_HUP, _ERR = select.EPOLLHUP, select.EPOLLERR


class _Told:
    """Notes what it is told."""

    def __init__(
        self, then: Callable[[], None] = lambda: None, failed: Callable[[], None] = lambda: None
    ) -> None:
        self.told: list[int] = []
        self.failures = 0
        self._then = then
        self._failed = failed

    def ready(self, events: int) -> None:
        self.told.append(events)
        self._then()

    def failed(self) -> None:
        self.failures += 1
        self._failed()


class _PollerCase(KernelCase):
    def setUp(self) -> None:
        """Make a poller, and have it closed in the end."""
        super().setUp()
        self.poller = self.kernel.poller
        self.addCleanup(self.poller.close)


class PollerTest(_PollerCase):
    """What is reported."""

    def test_interface(self) -> None:
        """It is a descriptor for the reactor to read, whose end does not concern it."""
        near, _ = self.pair()
        self.poller.add(near.fileno(), _Told(), IN)
        verifyObject(IReadDescriptor, self.poller)
        self.assertEqual(self.poller.logPrefix(), "poller")
        self.poller.connectionLost(Failure(CONNECTION_DONE))
        self.assertGreaterEqual(self.poller.fileno(), 0)

    def test_nothing_in_it(self) -> None:
        """It opens nothing, and is not read, before there is something in it; then it is read as
        long as there is, and again later.
        """
        self.assertEqual((self.poller.fileno(), self.loop.readers), (-1, set()))
        near, far = self.pair()
        told = _Told()
        for round_ in range(3):
            self.poller.add(near.fileno(), told, IN)
            self.assertEqual(self.loop.readers, {self.poller})
            self.poller.add(far.fileno(), told, IN)
            self.poller.remove(near.fileno())
            self.assertEqual(self.loop.readers, {self.poller})
            near.send(b"x")
            self._turn_once()
            self.assertEqual(told.told, [IN] * (round_ + 1))
            far.recv(1)
            self.poller.remove(far.fileno())
            self.assertEqual(self.loop.readers, set())

    def test_events(self) -> None:
        """Each is told what it asked for, as long as it is so, and nothing else."""
        near, far = self.pair()
        told = _Told()
        self.poller.add(near.fileno(), told, IN)
        self.loop.settle()
        self.assertEqual(told.told, [])
        far.send(b"x")
        self.loop.turn()
        self.assertEqual(set(told.told), {IN})
        self.poller.change(near.fileno(), IN | OUT)
        told.told.clear()
        self.loop.turn()
        self.assertEqual(set(told.told), {IN | OUT})
        near.recv(1)
        self.poller.change(near.fileno(), 0)
        told.told.clear()
        self.loop.settle()
        self.assertEqual(told.told, [])

    def test_hang_up(self) -> None:
        """A descriptor without events is notified once that the peer has closed, and that costs
        nothing afterwards.
        """
        near, far = self.pair()
        told = _Told()
        self.poller.add(near.fileno(), told, 0)
        far.send(b"unread")
        self.loop.settle()
        self.assertEqual(told.told, [])
        far.close()
        self.loop.settle()
        self.assertEqual(len(told.told), 1)
        self.assertTrue(told.told[0] & _HUP)

    def test_hang_up_by_a_change(self) -> None:
        """A descriptor whose events are removed is notified once that the peer has closed, though
        that was before.
        """
        near, far = self.pair()
        told = _Told()
        self.poller.add(near.fileno(), told, IN)
        far.close()
        self.poller.change(near.fileno(), 0)
        self.loop.settle()
        self.assertEqual(len(told.told), 1)

    def test_several(self) -> None:
        """More than fit into a batch are all told in one turn of the reactor."""
        tolds = []
        for _ in range(300):
            near, _far = self.pair()
            told = _Told()
            tolds.append(told)
            self.poller.add(near.fileno(), told, OUT)
        self.poller.doRead()
        self.assertEqual({bool(told.told) for told in tolds}, {True})

    def test_reused_number(self) -> None:
        """What was to be told of a descriptor is not told to another that got its number in the
        same batch.
        """
        near, far = self.pair()
        other, _other_far = self.pair()
        spare, spare_far = self.pair()
        newcomer = _Told()

        def close_the_other() -> None:
            if first.told == [IN] and not second.told:
                number = other.fileno()
                self.poller.remove(number)
                other.close()
                os.dup2(spare.fileno(), number)
                self.addCleanup(os.close, number)
                self.poller.add(number, newcomer, IN)

        first = _Told(close_the_other)
        second = _Told()
        # The kernel tells of both in one batch, in the order in which they became ready.
        far.send(b"x")
        self.poller.add(near.fileno(), first, IN)
        self.poller.add(other.fileno(), second, OUT | IN)
        self._turn_once()
        self.assertEqual((first.told, second.told, newcomer.told), ([IN], [], []))
        spare_far.send(b"x")
        near.recv(1)
        self._turn_once()
        self.assertEqual(newcomer.told, [IN])

    def test_copy_elsewhere(self) -> None:
        """One that was removed and closed is not told of any more though another process has a
        copy, least of all its number's next.
        """
        reading, writing = os.pipe()
        copy = os.dup(reading)  # as a command has it that is being started
        told, new = _Told(), _Told()
        self.poller.add(reading, told, IN)
        self.poller.remove(reading)
        os.close(reading)
        again, writing_again = os.pipe()
        self.assertEqual(again, reading)
        self.poller.add(again, new, IN)
        os.close(writing)
        self.poller.doRead()
        self.assertEqual((told.told, new.told), ([], []))
        for descriptor in (copy, writing_again):
            os.close(descriptor)
        self.poller.remove(again)
        os.close(again)

    def test_removed_in_a_batch(self) -> None:
        """A descriptor that another one of the same batch removes gets no more events."""
        (near, far), (other, other_far) = self.pair(), self.pair()
        pair = {near: _Told(lambda: self._remove(other)), other: _Told(lambda: self._remove(near))}
        for one, told in pair.items():
            self.poller.add(one.fileno(), told, IN)
        far.send(b"x")
        other_far.send(b"x")
        self._turn_once()
        self.assertEqual(sorted(len(told.told) for told in pair.values()), [0, 1])

    def test_added_in_a_batch(self) -> None:
        """A descriptor that is added while a batch is handled, though all others were removed in
        it, is reported in the next one.
        """
        near, far = self.pair()
        newcomer = _Told(lambda: self._remove(far))

        def replace() -> None:
            self.poller.remove(near.fileno())
            self.poller.add(far.fileno(), newcomer, OUT)

        first = _Told(replace)
        self.poller.add(near.fileno(), first, OUT)
        self.loop.settle()
        self.assertEqual((first.told, newcomer.told), ([OUT], [OUT]))

    def test_closed_while_telling(self) -> None:
        """An event's receiver may close the whole set: there are no more events, and it may be used
        again.
        """
        (near, far), (other, other_far) = self.pair(), self.pair()
        tolds = [_Told(self.poller.close), _Told(self.poller.close)]
        far.send(b"x")
        other_far.send(b"x")
        for one, told in zip((near, other), tolds, strict=True):
            self.poller.add(one.fileno(), told, IN)
        self.loop.turn()
        self.assertEqual(sorted(len(told.told) for told in tolds), [0, 1])
        self.assertEqual((self.poller.fileno(), self.loop.readers), (-1, set()))
        again = _Told(lambda: self._remove(near))
        self.poller.add(near.fileno(), again, IN)
        self.loop.settle()
        self.assertEqual(again.told, [IN])

    def test_close(self) -> None:
        """Closing it closes its descriptor, and may be done twice and to one that was never
        used.
        """
        Poller(self.loop).close()  # type: ignore[arg-type]  # it is never asked for anything
        near, _ = self.pair()
        self.poller.add(near.fileno(), _Told(), IN)
        number = self.poller.fileno()
        self.poller.close()
        self.poller.close()
        self.assertRaises(OSError, os.fstat, number)
        self.assertEqual(self.loop.readers, set())

    def test_unwatchable(self) -> None:
        """What the kernel can't watch is refused, and changes nothing."""
        with Path(self.mktemp()).open("wb") as file:
            self.assertRaises(OSError, self.poller.add, file.fileno(), _Told(), IN)
        self.assertEqual((self.loop.readers, self.poller._told), (set(), {}))

    def _remove(self, one: socket.socket) -> None:
        self.poller.remove(one.fileno())

    def _turn_once(self) -> None:
        self.patch(poller_module, "_ROUNDS", 1)
        self.loop.turn()


class FailureTest(_PollerCase):
    """Those who are told make mistakes."""

    def stumble(self) -> None:
        """Make a mistake."""
        raise ZeroDivisionError

    def stumbled(self) -> int:
        """How many mistakes were logged."""
        return len(self.flushLoggedErrors(ZeroDivisionError))

    def test_others(self) -> None:
        """A mistake is logged, its maker is told to end, and the others of the batch are told all
        the same.
        """
        tolds = []
        for number in range(3):
            near, far = self.pair()
            far.send(b"x")
            told = _Told(self.stumble if number == 1 else lambda: None)
            tolds.append(told)
            self.poller.add(near.fileno(), told, IN)
        self.patch(poller_module, "_ROUNDS", 1)
        self.loop.turn()
        self.assertEqual([told.told for told in tolds], [[IN]] * 3)
        self.assertEqual([told.failures for told in tolds], [0, 1, 0])
        self.assertEqual(self.stumbled(), 1)

    def test_told_no_more(self) -> None:
        """A receiver that raises an error and does not end gets no more events, whatever happens to
        its descriptor.
        """
        near, far = self.pair()
        told = _Told(self.stumble)
        self.poller.add(near.fileno(), told, IN)
        far.send(b"x")
        self.loop.settle()
        far.close()
        self.loop.settle()
        self.assertEqual((told.told, told.failures, self.poller._told), ([IN], 1, {}))
        self.assertEqual(self.stumbled(), 1)

    def test_hung_up(self) -> None:
        """A mistake at a hang-up, which would be told for ever, is made once."""
        near, far = self.pair()
        told = _Told(self.stumble)
        self.poller.add(near.fileno(), told, 0)
        far.close()
        self.loop.settle()
        self.assertEqual(len(told.told), 1)
        self.assertEqual(self.stumbled(), 1)

    def test_mistake_in_ending(self) -> None:
        """A receiver that can't even end gets no more events; both errors are logged."""
        near, far = self.pair()
        told = _Told(self.stumble, self.stumble)
        self.poller.add(near.fileno(), told, IN)
        far.close()
        self.loop.settle()
        self.assertEqual((len(told.told), told.failures), (1, 1))
        self.assertEqual(self.stumbled(), 2)

    def test_ends(self) -> None:
        """A receiver that ends after an error, as it should, gets no more events, nor does the next
        one with its descriptor's number.
        """
        near, far = self.pair()
        newcomer = _Told()

        def end() -> None:
            self.poller.remove(near.fileno())
            self.poller.add(near.fileno(), newcomer, IN)

        self.poller.add(near.fileno(), _Told(self.stumble, end), IN)
        far.send(b"x")
        self.loop.turn()
        self.assertEqual(self.poller._told, {near.fileno(): newcomer})
        self.assertEqual(self.stumbled(), 1)

    def test_closed_descriptor(self) -> None:
        """A mistake after which the descriptor is closed, and was not removed, is one mistake and
        no more.
        """
        near, far = self.pair()

        def close() -> None:
            near.close()
            self.stumble()

        self.poller.add(near.fileno(), _Told(close), IN)
        far.send(b"x")
        self.loop.settle()
        self.assertEqual(self.poller._told, {})
        self.assertEqual(self.stumbled(), 1)


class SpinTest(_PollerCase):
    """Looking for a moment whether something comes."""

    def setUp(self) -> None:
        """Let the time of a spin pass with two looks."""
        super().setUp()
        self.time = 0.0
        self.patch(poller_module, "perf_counter", self.tick)
        near, _ = self.pair()
        self.told = _Told()
        self.poller.add(near.fileno(), self.told, IN)
        self.looks = 0
        self.answer_at = 0
        epoll = self.poller._epoll
        self.addCleanup(setattr, self.poller, "_epoll", epoll)
        self.poller._epoll = self
        self.number = near.fileno()

    def tick(self) -> float:
        """The time."""
        self.time += 10e-6
        return self.time

    def poll(self, seconds: float, most: int) -> list[tuple[int, int]]:
        """Stand in for the epoll set: something comes with the look that the test chose."""
        self.looks += 1
        return [(self.number, IN)] if self.looks == self.answer_at else []

    def looks_in_turn(self) -> int:
        """How often one turn has looked."""
        self.looks = 0
        self.poller.doRead()
        return self.looks

    def test_backs_off(self) -> None:
        """In vain it is done ever more rarely, down to once in 513 turns."""
        spun = [turn for turn in range(1, 2600) if self.looks_in_turn() > 1]
        self.assertEqual(spun, [1, 3, 6, 11, 20, 37, 70, 135, 264, 521, 1034, 1547, 2060, 2573])

    def test_pays(self) -> None:
        """What comes while it looks is reported in the same turn, and the next turn spins again."""
        for _ in range(100):
            self.looks_in_turn()
        while self.poller._skip:
            self.looks_in_turn()
        self.answer_at = 2
        self.looks_in_turn()
        self.assertEqual(self.told.told, [IN])
        self.answer_at = 0
        spun = [turn for turn in range(1, 12) if self.looks_in_turn() > 1]
        self.assertEqual(spun, [2, 5, 10])
