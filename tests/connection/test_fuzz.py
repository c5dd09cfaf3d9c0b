"""Whatever happens at the ends of a connection, in whatever order, its machine keeps to its
rules.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import Timeouts
from pipetwist.connection.states import CLIENT, SERVER, Phase
from tests.connection.effects import Machine
from tests.support.examples import examples

_TIMEOUTS = tuple(
    Timeouts(half_close=half_close, closes_whole=closes_whole)
    for half_close in (7, None)
    for closes_whole in (False, True)
)
_ENDS = st.sampled_from([CLIENT, SERVER])
_CAUSES = st.sampled_from(["", "reset"])
_EFFECTS = [
    "close",
    "disconnect",
    "close_with_error",
    "abort",
    "write_eof",
    "cancel_connecting",
    "start_transfer",
]
_COMBINATIONS = [
    frozenset(chosen)
    for size in range(len(_EFFECTS) + 1)
    for chosen in combinations(_EFFECTS, size)
]


class _World(RuleBasedStateMachine):
    """Two ends and a clock that behave as real ones may, but do it at any time, in the middle of
    what the machine asks as well.
    """

    @initialize(
        at_once=st.sampled_from(_COMBINATIONS),
        is_open=st.booleans(),
        timeouts=st.sampled_from(_TIMEOUTS),
        noticed=st.booleans(),
        server_closes_whole=st.booleans(),
    )
    def begin(
        self,
        at_once: frozenset[str],
        timeouts: Timeouts,
        *,
        is_open: bool,
        noticed: bool,
        server_closes_whole: bool,
    ) -> None:
        """Accept a client, and begin to connect."""
        self.whole = {CLIENT} if timeouts.closes_whole else set()
        if server_closes_whole:
            self.whole.add(SERVER)
        self.moment = timeouts.moment
        self.bound = timeouts.bound
        self.noticed = noticed
        self.silence = None if noticed else self.bound
        if timeouts.half_close is not None:
            self.silence = timeouts.half_close
        self.at_once = at_once
        self.there = {CLIENT}
        self.lost_ends: set[int] = set()
        self.ended: set[int] = set()
        self.gone: set[int] = set()
        self.finish_written: set[int] = set()
        self.last_words: set[int] = set()
        self.aborted: set[int] = set()
        self.broken_off: set[int] = set()
        self.to_be_cut_off: set[int] = set()
        self.connecting = True
        self.cancelled = False
        self.watching: float | None = None
        self.reason: str | None = None
        self.machine = Machine(self, timeouts, closes_whole=server_closes_whole)
        self.machine.connecting()
        if is_open:
            self.connected()

    # What happens.

    @precondition(lambda self: self.connecting and not self.cancelled)
    @rule()
    def connected(self) -> None:
        """The outbound is there."""
        self.connecting = False
        if self.machine.phase is Phase.CONNECTING:
            self.there.add(SERVER)
        self.machine.connected(losses_are_noticed=self.noticed)

    @precondition(lambda self: self.connecting)
    @rule()
    def connect_failed(self) -> None:
        """The outbound can't be connected."""
        self.connecting = False
        if self.machine.phase is Phase.CONNECTING:
            self.to_be_cut_off.add(CLIENT)
        self.machine.connect_failed("refused")

    @rule(end=_ENDS)
    def read_ended(self, end: int) -> None:
        """An end has nothing more to send; while the outbound is being connected nothing is
        read.
        """
        if end in self.there and end not in self.ended and not self.connecting:
            self.ended.add(end)
            self.machine.read_ended(end)

    @rule(end=_ENDS)
    def peer_closed(self, end: int) -> None:
        """A peer has gone."""
        if end in self.there and end not in self.gone:
            self.gone.add(end)
            self.machine.peer_closed(end)

    @rule(end=_ENDS, cause=_CAUSES, whole=st.booleans())
    def lost(self, end: int, cause: str, *, whole: bool = False) -> None:
        """An end is over."""
        if end in self.there:
            self.there.discard(end)
            self.lost_ends.add(end)
            if cause and not whole and self.machine.phase in (Phase.OPEN, Phase.HALF_CLOSED):
                self.to_be_cut_off.add(CLIENT + SERVER - end)
            self.machine.lost(end, cause, whole=whole)

    @precondition(lambda self: self.watching is not None)
    @rule()
    def inactive(self) -> None:
        """No byte has moved."""
        self.machine.inactive(7)

    @rule()
    def stop(self) -> None:
        """The daemon stops."""
        self.machine.stop("stop")

    # What is done.

    def _asked(self, effect: str, end: int, consequence: Callable[[], None]) -> None:
        assert end in self.there, f"{effect} of an end that is not there: {end}"
        assert self.reason is None, f"{effect} after the end"
        if effect in self.at_once:
            consequence()

    def cancel_connecting(self) -> None:
        assert self.reason is None
        self.cancelled = True
        if "cancel_connecting" in self.at_once and self.connecting:
            self.connecting = False
            self.machine.connect_failed("cancelled")

    def start_transfer(self) -> None:
        assert self.there == {CLIENT, SERVER}
        if "start_transfer" in self.at_once:
            self.read_ended(SERVER)
            self.lost(SERVER, "")

    def write_eof(self, end: int) -> None:
        assert end not in self.whole, "an end of file that it can't take"
        assert end not in self.finish_written
        assert end not in self.last_words
        self.finish_written.add(end)
        self._asked("write_eof", end, lambda: self.lost(end, "reset"))

    def close(self, end: int) -> None:
        assert end not in self.last_words - self.aborted
        self.last_words.add(end)
        self._asked("close", end, lambda: self.lost(end, ""))

    def disconnect(self, end: int) -> None:
        assert end not in self.last_words - self.aborted
        self.last_words.add(end)
        self._asked("disconnect", end, lambda: self.lost(end, ""))

    def close_with_error(self, end: int) -> None:
        assert end not in self.last_words - self.aborted
        self.last_words.add(end)
        self.broken_off.add(end)
        self._asked("close_with_error", end, lambda: self.lost(end, ""))

    def abort(self, end: int) -> None:
        self.last_words.add(end)
        self.aborted.add(end)
        self._asked("abort", end, lambda: self.lost(end, ""))

    def watch(self, seconds: float | None) -> None:
        self.watching = seconds

    def finished(self, reason: str) -> None:
        assert self.reason is None, "finished twice"
        assert not self.there, f"finished with {self.there} still there"
        self.reason = reason

    # What holds.

    @invariant()
    def finished_with_the_ends(self) -> None:
        """It is finished as soon as both ends are lost, and not before."""
        assert (self.reason is not None) == (not self.there)
        assert (self.machine.phase is Phase.CLOSED) == (self.reason is not None)

    @invariant()
    def bounded(self) -> None:
        """A connection of which a direction or an end is over is watched, unless what is left of it
        was aborted; a finished one is not.

        Nor is one of which a direction is over and both peers are there, where they can't die
        unnoticed.
        """
        if self.reason is not None:
            assert self.watching is None
        elif self.lost_ends or self.machine.phase is Phase.CLOSING:
            assert self.watching == self.bound or self.there <= self.aborted
        elif self.ended:
            held = {CLIENT + SERVER - end for end in self.ended} & self.whole
            assert self.watching in (self.bound, self.moment if held else self.silence)
            assert self.watching == self.silence or self.gone or held
            assert self.watching != self.moment or held == {CLIENT} or self.moment == self.bound

    @invariant()
    def end_of_file_travels(self) -> None:
        """An end of file is told to the other end, or both are closed; but an end that closes whole
        is told nothing while it sends.
        """
        for end in self.ended:
            other = CLIENT + SERVER - end
            if other in self.there and other not in self.whole - self.ended:
                assert other in self.finish_written | self.last_words

    @invariant()
    def nobody_takes_a_part_for_the_whole(self) -> None:
        """If one end was cut off, or could not be connected, so is the other; otherwise it is
        closed in order.
        """
        assert self.to_be_cut_off & self.there <= self.broken_off | self.aborted
        assert self.broken_off <= self.to_be_cut_off

    @invariant()
    def nobody_is_waited_for_in_vain(self) -> None:
        """An end whose peer has gone, and from which everything was read, is over or told so."""
        assert not self.gone & self.ended & self.there - self.last_words

    @invariant()
    def nothing_connects_for_nobody(self) -> None:
        """Connecting goes on only for a client that is there."""
        if self.connecting and not self.cancelled:
            assert CLIENT in self.there

    @invariant()
    def reasoned(self) -> None:
        """Once it is finished there is a reason, and cancelling is none."""
        if self.reason is not None:
            assert self.reason
            assert "cancelled" not in self.reason

    def teardown(self) -> None:
        """Time passes: whatever happened, the connection comes to its end."""
        if self.connecting and not self.cancelled:
            self.connect_failed()
        if self.watching is not None:
            self.machine.inactive(7)
        elif not self.there <= self.aborted:
            # Open both ways without an idle time-out, or in silence between peers that are there:
            # it may go on for ever.
            assert not self.ended or self.silence is None
            assert self.gone & self.there <= self.aborted
            assert not self.lost_ends
            self.machine.stop("stop")
        for end in list(self.there):
            self.lost(end, "")
        assert self.reason is not None


class AnythingTest(SynchronousTestCase):
    """Random lives."""

    def test_random_lives(self) -> None:
        """Whatever happens in whatever order, nothing is asked of a lost end, and the connection
        ends once, bounded, with a reason.
        """
        run_state_machine_as_test(
            _World,
            settings=settings(
                max_examples=examples(600), stateful_step_count=12, deadline=None, database=None
            ),
        )
