"""How a side ends: whatever is asked of it and happens to it, in whatever order, its machine keeps
to its rules.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.transfer.ending import (
    ABSENT,
    BEGINNING,
    CLOSE,
    CLOSE_WITH_ERROR,
    DRAINED,
    END,
    ENDINGS,
    EVENTS,
    FAILED,
    FINISH,
    LOST,
    PEER_ENDED,
    REFUSED,
    TABLE,
    UNSURE,
    Ending,
    Event,
    Reading,
    Step,
    Writing,
)
from pipetwist.transfer.ending_side import EndingSide, side_log

_SEQUENCES = st.lists(st.sampled_from(EVENTS), max_size=12)


def _steps(events: list[Event]) -> list[tuple[Ending, Event, Step]]:
    """Each event with the state before it and the step that it makes."""
    ending, steps = BEGINNING, []
    for event in events:
        step = ending.steps[event]
        steps.append((ending, event, step))
        ending = step.after
    return steps


def _after(*events: Event) -> Ending:
    return _steps(list(events))[-1][2].after if events else BEGINNING


def _effects(step: Step) -> set[str]:
    return {
        name
        for name in ("sends_end", "tells_end", "lingers", "acknowledges", "leaves")
        if getattr(step, name)
    }


class TableTest(SynchronousTestCase):
    """The table itself."""

    def test_every_event(self) -> None:
        """Every state knows what each event makes of it, and that is another state that there
        is.
        """
        for ending in ENDINGS:
            self.assertEqual(set(ending.steps), set(EVENTS), ending)
            self.assertLessEqual({step.after for step in ending.steps.values()}, set(ENDINGS))

    def test_once(self) -> None:
        """There is one object of each state, so that states may be compared by identity."""
        self.assertEqual(len({(one.reading, one.writing) for one in ENDINGS}), len(ENDINGS))

    def test_every_line(self) -> None:
        """Each line of the table is true of some state, and no state finds two lines for an
        event.
        """
        for writings, event, readings, after, _ in TABLE:
            for writing in writings:
                steps = [one.steps[event].after for one in ENDINGS if one.writing is writing]
                came = {step.writing for step in steps if step.reading in readings or event is LOST}
                self.assertIn(after or writing, came, (writing, event))
        cells = [
            (writing, event, reading)
            for writings, event, readings, _, _ in TABLE
            for writing in writings
            for reading in readings
        ]
        self.assertEqual(len(set(cells)), len(cells))

    def test_usual_lives(self) -> None:
        """The usual ways to end are those that the description tells of."""
        for events, writing, effects in (
            ((FINISH, DRAINED), Writing.SHUT, {"sends_end"}),
            ((FINISH, DRAINED, PEER_ENDED), Writing.SHUT, {"tells_end"}),
            ((CLOSE, DRAINED), Writing.LINGERING, {"sends_end", "lingers"}),
            ((CLOSE, PEER_ENDED, DRAINED), Writing.ENDING, {"leaves"}),
            ((CLOSE, DRAINED, PEER_ENDED), Writing.ENDING, {"leaves"}),
            ((PEER_ENDED, FINISH, DRAINED, CLOSE), Writing.ENDING, {"leaves"}),
            ((FINISH, DRAINED, CLOSE), Writing.LINGERING, {"lingers"}),
            ((CLOSE_WITH_ERROR, DRAINED), Writing.ACKNOWLEDGING, {"acknowledges"}),
            (
                (FINISH, CLOSE_WITH_ERROR, DRAINED),
                Writing.ACKNOWLEDGING,
                {"sends_end", "acknowledges"},
            ),
            ((REFUSED, PEER_ENDED), Writing.REFUSED, {"tells_end", "leaves"}),
            ((FAILED, PEER_ENDED), Writing.ENDING, {"leaves"}),
            ((PEER_ENDED, FAILED), Writing.ENDING, {"leaves"}),
            ((CLOSE, FAILED), Writing.ENDING, {"leaves"}),
            ((ABSENT, PEER_ENDED), Writing.SHUT, {"tells_end"}),
            ((CLOSE, ABSENT), Writing.LINGERING, {"lingers"}),
            ((UNSURE, PEER_ENDED), Writing.OPEN, {"tells_end"}),
            ((CLOSE, END), Writing.ENDING, set()),
            ((END, LOST), Writing.CLOSED, set()),
        ):
            _, _, step = _steps(list(events))[-1]
            self.assertEqual((step.after.writing, _effects(step)), (writing, effects), events)


class RulesTest(SynchronousTestCase):
    """What holds in any order."""

    @given(_SEQUENCES)
    def test_told_once(self, events: list[Event]) -> None:
        """The peer's end of file is reported once at most, when it is read, and not where we have
        ended the side before.
        """
        told = [(before, event) for before, event, step in _steps(events) if step.tells_end]
        self.assertLessEqual(len(told), 1)
        for before, event in told:
            self.assertIs(event, PEER_ENDED)
            self.assertFalse(before.closing)

    @given(_SEQUENCES)
    def test_told_if_it_came(self, events: list[Event]) -> None:
        """An end of file that comes while nobody has ended the side, and no write has failed, is
        reported.
        """
        steps = _steps(events)
        for before, event, step in steps:
            if (
                event is PEER_ENDED
                and not before.closing
                and before.reading is not Reading.EOF
                and before.writing is not Writing.FAILED
            ):
                self.assertTrue(step.tells_end)

    @given(_SEQUENCES)
    def test_sent_once(self, events: list[Event]) -> None:
        """We send an end of file once at most, after everything that was written, and nothing is
        written after it was asked for.
        """
        steps = _steps(events)
        sent = [event for _, event, step in steps if step.sends_end]
        self.assertIn(sent, ([], [DRAINED]))
        ended = False
        for before, event, step in steps:
            self.assertFalse(ended and before.writable)
            self.assertFalse(step.sends_end and not before.delivers)
            ended = ended or event in (FINISH, CLOSE, CLOSE_WITH_ERROR, END, LOST)

    @given(_SEQUENCES)
    def test_over(self, events: list[Event]) -> None:
        """A side that is over stays over, whatever is asked of it, and nothing is to be done for
        it.
        """
        steps = _steps([*events, LOST, *events])
        for before, _, step in steps[len(events) + 1 :]:
            self.assertTrue(before.over and step.after.over)
            self.assertEqual(_effects(step), set())

    @given(_SEQUENCES)
    def test_first_ask(self, events: list[Event]) -> None:
        """Who is the first to end a side decides how: in order it is never reset, and broken off it
        never waits for its peer's end.
        """
        asked = [event for event in events if event in (CLOSE, CLOSE_WITH_ERROR)]
        effects = {name for _, _, step in _steps(events) for name in _effects(step)}
        self.assertFalse("acknowledges" in effects and asked[:1] != [CLOSE_WITH_ERROR])
        self.assertFalse("lingers" in effects and asked[:1] != [CLOSE])

    @given(_SEQUENCES)
    def test_waits_once(self, events: list[Event]) -> None:
        """A side waits for its peer once at most, so that it needs one timer."""
        waits = [step for _, _, step in _steps(events) if step.lingers or step.acknowledges]
        self.assertLessEqual(len(waits), 1)

    @given(
        _SEQUENCES,
        st.sampled_from([CLOSE, CLOSE_WITH_ERROR]),
        st.permutations([DRAINED, PEER_ENDED]),
    )
    def test_ends(self, events: list[Event], ask: Event, follows: list[Event]) -> None:
        """A side that is told to end does so, once what waits has gone and the peer has ended, or
        it waits for acknowledgement.
        """
        steps = _steps([*events, ask, *follows])
        last = steps[-1][2].after
        self.assertIn(last.writing, (Writing.ENDING, Writing.ACKNOWLEDGING, Writing.CLOSED))
        if last.writing is Writing.ENDING and END not in events:
            self.assertTrue(any(step.leaves for _, _, step in steps))
        if last.writing is Writing.ACKNOWLEDGING:
            self.assertTrue(any(step.acknowledges for _, _, step in steps))

    @given(_SEQUENCES)
    def test_one_way(self, events: list[Event]) -> None:
        """Neither half goes back: what has ended does not open again, and what is closing is not
        open for writing again.
        """
        order = list(Reading)
        for before, _, step in _steps(events):
            self.assertLessEqual(order.index(before.reading), order.index(step.after.reading))
            self.assertLessEqual(before.closing, step.after.closing)
            self.assertLessEqual(step.after.writable, before.writable)
            self.assertLessEqual(step.after.delivers, before.delivers)


class _Side(EndingSide):
    """A side that shows everything that one can show."""

    descriptor_text = "fd=9"
    waits = "4096 queued"
    held = False

    def __init__(self) -> None:
        self.ending = BEGINNING
        self.receiver = None


class _Naming:
    """A receiver that has names for its sides."""

    def name_of(self, side: object) -> str:
        return "#17 client"


class ShownTest(SynchronousTestCase):
    """What can be seen of it."""

    def setUp(self) -> None:
        """Make a side, and leave the level as it was."""
        self.side = _Side()
        self.addCleanup(side_log.set_level, "info")

    def test_repr(self) -> None:
        """It says whose it is, what it is on the system, how its halves are, and what waits."""
        self.side.receiver = _Naming()
        self.side.hear(PEER_ENDED)
        self.side.hear(FINISH)
        self.assertEqual(
            repr(self.side), "<_Side #17 client fd=9 reading=EOF writing=DRAINING 4096 queued>"
        )

    def test_paused(self) -> None:
        """One that is not read for now says so, as long as there may be more."""
        self.side.held = True
        self.assertEqual(repr(self.side), "<_Side fd=9 reading=PAUSED writing=OPEN 4096 queued>")
        self.side.hear(PEER_ENDED)
        self.assertEqual(repr(self.side), "<_Side fd=9 reading=EOF writing=OPEN 4096 queued>")

    def test_debug(self) -> None:
        """At debug each change is logged, with what made it, and what changes nothing is not."""
        side_log.set_level("debug")
        with capturedLogs() as events:
            self.side.hear(FINISH)
            self.side.hear(FINISH)
        (event,) = events
        self.assertEqual(event["log_level"], LogLevel.debug)
        self.assertEqual(
            (event["side"], event["event"], event["after"]),
            (
                "<_Side fd=9 reading=OPEN writing=OPEN 4096 queued>",
                "FINISH",
                "reading=OPEN writing=DRAINING",
            ),
        )

    def test_no_debug(self) -> None:
        """Above debug nothing is made of a change: nobody is even asked how the side looks."""
        self.patch(_Side, "__repr__", lambda side: self.fail("it was looked at"))
        side_log.set_level("info")
        with capturedLogs() as events:
            self.side.hear(FINISH)
        self.assertEqual((events, self.side.ending), ([], _after(FINISH)))
