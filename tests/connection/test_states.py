"""The tables that say what becomes of a connection, gone through from the first state to the
last.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.state_text import shown, told
from pipetwist.connection.states import (
    CLIENT,
    FACTS,
    NOTICED,
    SERVER,
    START,
    TABLE,
    TOGETHER,
    Event,
    Phase,
    Step,
    closes_whole,
    gone,
    sends,
    there,
)
from pipetwist.connection.transitions import Transitions, follow
from pipetwist.interfaces import ISide

_OF_AN_END = (Event.READ_ENDED, Event.PEER_CLOSED, Event.LOST, Event.TRUNCATED)
_OWN = {
    "cancel_connecting",
    "couple",
    "finish",
    "stop_retrying",
    "watch_idle",
    "watch_moment",
    "watch_nothing",
    "watch_rest",
    "watch_silence",
}
_BOTH = CLIENT | SERVER


def _events() -> Iterator[tuple[Event, int]]:
    for event in Event:
        for end in (CLIENT, SERVER) if event in _OF_AN_END else (CLIENT,):
            yield event, end


def _reachable() -> set[int]:
    """Every state that a connection can come to."""
    found: set[int] = set()
    left = {
        START | facts | closes_whole(ends)
        for facts in (0, NOTICED, TOGETHER, NOTICED | TOGETHER)
        for ends in (0, CLIENT, SERVER, _BOTH)
    }
    while left:
        state = left.pop()
        found.add(state)
        left |= {follow(state, event, end)[0] for event, end in _events()} - found
    return found


class TablesTest(SynchronousTestCase):
    """Whatever happens in whatever state."""

    def setUp(self) -> None:
        """Find all transitions."""
        self.states = _reachable()
        self.transitions = [
            (state, event, end, *follow(state, event, end))
            for state in self.states
            for event, end in _events()
        ]

    def test_every_line_counts(self) -> None:
        """No line of the table is hidden by those above it."""
        used: set[int] = set()
        for state in self.states:
            for event, end in _events():
                _, steps = follow(state, event, end)
                if end == CLIENT:
                    used |= {
                        number
                        for number, line in enumerate(TABLE)
                        if line.event is event and line.steps is steps
                    }
        found = {line.steps for number, line in enumerate(TABLE) if number in used}
        # Those for the server's end alone are read in a mirror.
        self.assertEqual(
            {line.steps for line in TABLE} - found,
            {(Step("watch_rest"), Step("close", SERVER)), (Step("watch_moment"),)},
        )
        self.assertIn(
            (Step("watch_rest"), Step("close", CLIENT)),
            {steps for _, event, end, _, steps in self.transitions if event is Event.LOST},
        )

    def test_steps_can_be_taken(self) -> None:
        """A step is a method of a side, for an end, or one of the connection's own."""
        for _, _, _, _, steps in self.transitions:
            for what, end in steps:
                self.assertIn(what, ISide if end else _OWN)
                self.assertIn(end, (0, CLIENT, SERVER))

    def test_over_with_both_ends(self) -> None:
        """It is over as soon as neither end is there, not before, and finishes in that very step,
        once and last.
        """
        for state, _, _, after, steps in self.transitions:
            self.assertEqual(Phase.of(after) is Phase.CLOSED, not after & there(_BOTH))
            finishes = [step.what for step in steps].count("finish")
            self.assertEqual(
                finishes,
                int(Phase.of(after) is Phase.CLOSED and Phase.of(state) is not Phase.CLOSED),
            )
            self.assertTrue(not finishes or steps[-1].what == "finish")

    def test_nothing_after_the_end(self) -> None:
        """Once it is over nothing happens."""
        for state, _, _, after, steps in self.transitions:
            if Phase.of(state) is Phase.CLOSED:
                self.assertEqual((after, steps), (state, ()))

    def test_never_back(self) -> None:
        """The phases follow each other, and an end that is lost or has ended stays so."""
        for state, event, _, after, _ in self.transitions:
            self.assertGreaterEqual(Phase.of(after), Phase.of(state))
            if event is not Event.CONNECTED:
                self.assertFalse(after & ~state & (there(_BOTH) | sends(_BOTH)))

    def test_nothing_asked_of_the_lost(self) -> None:
        """No step is for an end that is known to be lost; a stop and a time-out, which are for
        both, are the exceptions.
        """
        for _, event, _, after, steps in self.transitions:
            if event not in (Event.STOP, Event.EXPIRED):
                self.assertEqual(
                    [step for step in steps if step.end and not after & there(step.end)], []
                )

    def test_silence_is_bounded(self) -> None:
        """Whatever ends a direction or an end says first for how long nothing may move from then
        on.
        """
        for state, _, _, after, steps in self.transitions:
            if (state ^ after) & (sends(_BOTH) | there(_BOTH)) and Phase.of(state) < Phase.CLOSING:
                self.assertTrue(
                    [step for step in steps if step.what.startswith("watch_")], shown(state)
                )

    def test_ends_are_alike(self) -> None:
        """What is done for the one end is done for the other: only who is waited for after a loss
        in order, and for how long an end of file is held back, depends on which it is.
        """
        held = {Step("watch_moment"): Step("watch_rest")}
        for state, event, end, after, steps in self.transitions:
            if (
                event in (Event.READ_ENDED, Event.PEER_CLOSED, Event.TRUNCATED)
                and Phase.of(state) is not Phase.CONNECTING
            ):
                mirrored_after, mirrored_steps = follow(_mirrored(state), event, _BOTH ^ end)
                self.assertEqual(mirrored_after, _mirrored(after))
                self.assertEqual(
                    tuple(held.get(step, step) for step in mirrored_steps),
                    tuple(
                        held.get(step, Step(step.what, step.end and _BOTH ^ step.end))
                        for step in steps
                    ),
                )

    def test_looked_up(self) -> None:
        """What is looked up by state and event is what the tables say, with what takes each
        step.
        """
        transitions = Transitions({what: what.upper() for what in (*_OWN, *ISide)})
        for state, event, end, after, steps in self.transitions:
            for _ in range(2):
                self.assertEqual(
                    transitions[state | event.at(end)],
                    (after, tuple((whose, what.upper()) for what, whose in steps)),
                )

    def test_held_back(self) -> None:
        """An end that closes whole is never sent an end of file alone, and neither direction is
        closed before it has ended, or was lost, or the time for that is over.
        """
        for state, event, end, _, steps in self.transitions:
            for whole in (CLIENT, SERVER):
                held = state & closes_whole(whole) and not state & TOGETHER
                if held:
                    self.assertNotIn(Step("write_eof", whole), steps)
                if held and event is Event.READ_ENDED and end != whole and state & gone(_BOTH) == 0:
                    still = Phase.of(state) is Phase.OPEN
                    self.assertFalse(still and [step for step in steps if step.end])

    def test_every_event(self) -> None:
        """Each event has its facts."""
        self.assertEqual(list(FACTS), list(Event))


def _mirrored(state: int) -> int:
    """The same with the ends in each other's place."""
    facts = (there, sends, gone, closes_whole)
    ends = [fact(end) for fact in facts for end in (CLIENT, SERVER)]
    others = [fact(end) for fact in facts for end in (SERVER, CLIENT)]
    return state & ~sum(ends) | sum(
        other for one, other in zip(ends, others, strict=True) if state & one
    )


class ShownTest(SynchronousTestCase):
    """What people see."""

    def test_states(self) -> None:
        """A state tells its phase, and of each end what it does."""
        self.assertEqual(shown(START), "CONNECTING client=SENDS server=AWAITED")
        state, _ = follow(START, Event.CONNECTED)
        self.assertEqual(shown(state), "OPEN client=SENDS server=SENDS")
        state, _ = follow(state, Event.READ_ENDED, SERVER)
        state, _ = follow(state, Event.PEER_CLOSED, CLIENT)
        self.assertEqual(shown(state), "HALF_CLOSED client=SENDS+GONE server=ENDED")
        state, _ = follow(state, Event.LOST, SERVER)
        self.assertEqual(shown(state), "CLOSING client=SENDS+GONE server=LOST")
        state, _ = follow(state, Event.TRUNCATED, CLIENT)
        self.assertEqual(shown(state), "CLOSED")

    def test_events(self) -> None:
        """An event tells its end, where it has one, and a step for whom it is."""
        self.assertEqual(
            [told(event.at(SERVER)) for event in _OF_AN_END[:2]],
            ["READ_ENDED server", "PEER_CLOSED server"],
        )
        self.assertEqual(told(Event.STOP.at(CLIENT)), "STOP")
        self.assertEqual(
            [str(Step("close", CLIENT)), str(Step("finish"))], ["close client", "finish"]
        )
