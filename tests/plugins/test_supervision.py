"""When a plug-in is started, is ready, and is started again: the table, without I/O."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.plugins.supervision import (
    FIRST_PAUSE_SECONDS,
    GOOD_SECONDS,
    LONGEST_PAUSE_SECONDS,
    TABLE,
    Action,
    Event,
    Pauses,
    State,
    follow,
)

_RUNS = {State.STARTING, State.READY, State.FAILED, State.CHANGING, State.STOPPING}


class _World:
    """Carries out what the table says, as far as it matters to whether a process runs."""

    def __init__(self) -> None:
        self.state = State.STOPPED
        self.processes = 0
        self.ending = False
        self.paused = False
        self.stopping = 0

    def hear(self, event: Event) -> None:
        """Let something happen, if it can."""
        if event is Event.ENDED:
            if not self.processes:
                return
            self.processes -= 1
            self.ending = False
        elif event in (Event.FAULT, Event.BECAME_READY):
            if not self.processes:
                return
        elif event is Event.DUE:
            if not self.paused:
                return
            self.paused = False
        elif event is Event.STOP:
            self.stopping += 1
        self.state, actions = follow(self.state, event)
        for action in actions:
            self.act(action)

    def act(self, action: Action) -> None:
        """Carry one out."""
        if action is Action.LAUNCH:
            self.processes += 1
        elif action is Action.END:
            assert not self.ending, "it is ended once"
            self.ending = True
        elif action is Action.PAUSE:
            assert not self.paused, "there is one pause at a time"
            self.paused = True
        elif action is Action.CANCEL:
            self.paused = False
        elif action is Action.TELL_STOPPED:
            self.stopping = 0


class TableTest(SynchronousTestCase):
    """Whatever happens, in whatever order."""

    @given(st.lists(st.sampled_from(Event), max_size=60))
    def test_any_order(self, events: list[Event]) -> None:
        """There is one process exactly in the states in which one runs, one pause exactly while it
        waits, and every stop is answered once nothing runs.
        """
        world = _World()
        for event in events:
            world.hear(event)
            self.assertEqual(world.processes, int(world.state in _RUNS), (event, world.state))
            self.assertEqual(world.paused, world.state is State.WAITING, event)
            if world.stopping:
                self.assertIn(world.state, (State.STOPPING, State.CHANGING))
        world.hear(Event.STOP)
        if world.state is State.STOPPING:
            self.assertTrue(world.ending)
            world.hear(Event.ENDED)
        self.assertEqual((world.state, world.processes, world.stopping), (State.STOPPED, 0, 0))

    def test_every_state(self) -> None:
        """Every state is reached, and left by a stop."""
        reached = {State.STOPPED} | {transition.after for transition in TABLE.values()}
        self.assertEqual(reached, set(State))
        for state in State:
            self.assertIn(follow(state, Event.STOP).after, (State.STOPPING, State.STOPPED))

    def test_nothing(self) -> None:
        """What the table does not know changes nothing."""
        self.assertEqual(follow(State.READY, Event.WANTED), (State.READY, ()))

    def test_failed_start(self) -> None:
        """A start that failed is told, its process ended, and the next start comes after a
        pause.
        """
        self.assertEqual(
            follow(State.STARTING, Event.FAULT), (State.FAILED, (Action.TELL_FAILED, Action.END))
        )
        self.assertEqual(follow(State.FAILED, Event.ENDED), (State.WAITING, (Action.PAUSE,)))
        self.assertEqual(follow(State.WAITING, Event.DUE), (State.STARTING, (Action.LAUNCH,)))


class PausesTest(SynchronousTestCase):
    """How long it waits."""

    def test_grow(self) -> None:
        """They double from 0.2 s to 30 s."""
        pauses = Pauses()
        self.assertEqual(
            [pauses.after(0) for _ in range(10)],
            [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0],
        )
        self.assertEqual(repr(pauses), "<Pauses next=30 s>")

    def test_reset(self) -> None:
        """After a minute that went well the first one comes again, and not after less."""
        pauses = Pauses()
        grown = [pauses.after(GOOD_SECONDS - 0.1) for _ in range(3)]
        self.assertGreater(grown[-1], grown[0])
        self.assertEqual(pauses.after(GOOD_SECONDS), FIRST_PAUSE_SECONDS)
        self.assertLess(pauses.after(0), LONGEST_PAUSE_SECONDS)
