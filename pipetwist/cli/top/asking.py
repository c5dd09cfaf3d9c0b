"""Asks the server again and again for what ``pipetwist top`` shows, in a thread of its own, so that
keys and the screen never wait for an answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from pipetwist.cli.traffic import Reading, Row, rates, rows
from pipetwist.client.calls import StatsCalls, UnsupportedError
from pipetwist.client.control import ControlCalls, Selected
from pipetwist.client.counters import Selection, read_counters
from pipetwist.client.online import Online, read_online
from pipetwist.client.rates import Listed, Rates
from pipetwist.control.selection import MAX_NAMES
from pipetwist.errors import ServerError
from pipetwist.stats.names import DIRECTIONS

if TYPE_CHECKING:
    from pipetwist.cli.top.listing import Listing
    from pipetwist.control.wire.control_pb2 import Entity, GetStatusResponse

__all__ = ["Asker", "Known", "Sample", "Snapshot", "Source", "Wanted", "pause_after"]

# So much longer than an answer takes it waits for the next, that a server with thousands of names
# has little work with it.
_WAITS = 9
_LONGEST_SECONDS = 10.0
_STOP_SECONDS = 1.0


@dataclass(frozen=True)
class Wanted:
    """What is shown, and therefore asked for.

    Attributes:
        users: whose limits.
        limits: whether those of all are.
        connections: whether the open ones are.
    """

    users: frozenset[str] = frozenset()
    limits: bool = False
    connections: bool = False


@dataclass(frozen=True)
class Known:
    """What the control service says at one moment.

    Attributes:
        status: the daemon.
        entities: inbounds, outbounds and users, by what they are and their names.
        connections: those that are open; None if they were not asked for.
    """

    status: GetStatusResponse
    entities: Mapping[tuple[str, str], Entity]
    connections: list[Listed] | None = None

    @property
    def now(self) -> float:
        """The time of day there, in seconds since 1970."""
        return self.status.started + self.status.uptime


@dataclass(frozen=True)
class Sample:
    """The server's answers at one moment.

    Attributes:
        reading: the counters.
        online: who is online; None if the server does not know.
        uptime: seconds that the server has been up.
        known: what the control service says; None where there is none, or no answer.
        unknown: why there is no answer of it.
    """

    reading: Reading
    online: Online | None
    uptime: int
    known: Known | None = None
    unknown: str = ""

    @cached_property
    def rows(self) -> list[Row]:
        """The inbounds, outbounds and users that are counted."""
        return rows(self.reading.values)[0]


@dataclass(frozen=True)
class Snapshot:
    """What is known now.

    Attributes:
        earlier: the sample that the last one is compared with, which is the one before it unless
            that came at almost the same time; None if there was one only.
        later: the last one.
        has_control: whether there is a control service to ask.
        fault: why there is no newer one.
    """

    earlier: Sample | None
    later: Sample
    has_control: bool = False
    fault: str = ""

    @cached_property
    def growth(self) -> Mapping[str, float] | None:
        """Bytes a second of each counter; None if there is one sample only."""
        return None if self.earlier is None else rates(self.earlier.reading, self.later.reading)

    @cached_property
    def listings(self) -> dict[Hashable, Listing]:
        """What was made of it, by what that is for: to sort thousands of names for each key that is
        pressed would take too long.
        """
        return {}

    @property
    def passed(self) -> float:
        """Seconds between the two samples."""
        earlier = self.later if self.earlier is None else self.earlier
        return self.later.reading.seconds - earlier.reading.seconds

    def entity(self, kind: str, name: str) -> Entity | None:
        """What is known of an inbound, outbound or user."""
        known = self.later.known
        return None if known is None else known.entities.get((kind, name))

    def before(self, entity: Entity) -> Entity | None:
        """What was known of it one sample before."""
        known = None if self.earlier is None else self.earlier.known
        return None if known is None else known.entities.get((entity.entity, entity.name))


class Source:
    """Asks once.

    Args:
        calls: the server's StatsService.
        control: the daemon's control service; None if there is none.
        selection: the counters that are asked for.
    """

    def __init__(
        self, calls: StatsCalls, control: ControlCalls | None, selection: Selection
    ) -> None:
        self._calls = calls
        self._control = control
        self._selection = selection
        self._knows_online = True
        self._rates = Rates()

    @property
    def has_control(self) -> bool:
        """Whether there is a control service."""
        return self._control is not None

    def ask(self, wanted: Wanted) -> Sample:
        """Ask.

        Raises:
            ServerError: the StatsService gives no answer.
        """
        reading = Reading(time.monotonic(), read_counters(self._calls, self._selection))
        sample = Sample(reading, self._online(), self._calls.get_sys_stats().Uptime)
        if self._control is None:
            return sample
        try:
            return replace(sample, known=self._ask_control(self._control, wanted))
        except ServerError as error:
            return replace(sample, unknown=str(error))

    def _online(self) -> Online | None:
        if not self._knows_online:
            return None
        try:
            return read_online(self._calls)
        except UnsupportedError:
            self._knows_online = False
            return None

    def _ask_control(self, control: ControlCalls, wanted: Wanted) -> Known:
        users = sorted(wanted.users)[:MAX_NAMES]
        kinds = () if wanted.limits or users else ("inbound", "outbound")
        entities = control.list_entities(*kinds, users=() if wanted.limits else users)
        listed = None
        if wanted.connections:
            found = control.list_connections(Selected())
            listed = self._rates.update(found, time.monotonic())
        matching = {(one.entity, one.name): one for one in entities if self._is_selected(one)}
        return Known(control.get_status(), matching, listed)

    def _is_selected(self, one: Entity) -> bool:
        """Whether its counters are, or would be."""
        stem = f"{one.entity}>>>{one.name}>>>traffic>>>"
        return any(self._selection.matches(f"{stem}{direction}") for direction in DIRECTIONS)


class Asker:
    """Asks in a thread, until it is closed.

    Args:
        ask: asks once; see `Source.ask`.
        first: what is known already.
        interval: seconds between two samples at least.
        answered: is called, in the thread, when there is something new.
        prepare: is called there before with each new snapshot, to sort what is shown of it: keys
            do not wait for that.
    """

    def __init__(
        self,
        ask: Callable[[Wanted], Sample],
        first: Snapshot,
        interval: float,
        answered: Callable[[], object],
        prepare: Callable[[Snapshot], object] = lambda _: None,
    ) -> None:
        self._ask = ask
        self._interval = interval
        self._answered = answered
        self._prepare = prepare
        self._hurry = threading.Event()
        self._is_closed = False
        self._wanted = Wanted()
        self.snapshot = first
        """What is known now. It never changes, but is replaced."""
        self._thread = threading.Thread(target=self._run, name="asking", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Asker for {self._wanted}>"

    def want(self, wanted: Wanted) -> None:
        """From now on ask for this; at once if it is more than other users."""
        before, self._wanted = self._wanted, wanted
        if replace(before, users=wanted.users) != wanted:
            self._hurry.set()

    def close(self) -> None:
        """Ask no more."""
        self._is_closed = True
        self._hurry.set()
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        took = 0.0
        while True:
            self._hurry.wait(pause_after(took, self._interval))
            self._hurry.clear()
            if self._is_closed:
                return
            began = time.monotonic()
            self.snapshot = self._next(self.snapshot)
            took = 0.0 if self.snapshot.fault else time.monotonic() - began
            self._answered()

    def _next(self, last: Snapshot) -> Snapshot:
        try:
            sample = self._ask(self._wanted)
        except ServerError as error:
            return replace(last, fault=str(error))
        passed = sample.reading.seconds - last.later.reading.seconds
        # In a moment as good as nothing may pass, or what comes in a second.
        is_hurried = last.earlier is not None and passed < self._interval / 2
        earlier = last.earlier if is_hurried else last.later
        found = replace(last, earlier=earlier, later=sample, fault="")
        self._prepare(found)
        return found


def pause_after(took: float, interval: float) -> float:
    """How many seconds to wait for the next answer.

    Args:
        took: how long the last one took.
        interval: how long to wait at least.
    """
    return max(interval, min(_WAITS * took, _LONGEST_SECONDS))
