"""The rounds of a measure: all its relays run, and are loaded in turn, so that what the machine
does meanwhile falls on all alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from operator import itemgetter
from pathlib import Path

from bench.disturbance import Disturbance
from bench.measures.measure import Effort, Measure, Values
from bench.processes import MeasureError
from bench.relays.relay import Relay
from bench.relays.running import Running, start
from bench.results import Results, Sample

__all__ = ["Rounds"]

_QUIET = 0.1
"""The part of the machine that others may use without a run being taken again."""


class Rounds:
    """Takes measures of relays, and adds the samples to the results.

    A relay that fails is left out of the rest of the measure, and the results say why.

    Args:
        scratch: a folder for this and nothing else.
        effort: how much each run does.
        results: where the samples go.
        say: is told each figure as it comes.
    """

    def __init__(
        self, scratch: Path, effort: Effort, results: Results, say: Callable[[str], None]
    ) -> None:
        self._scratch = scratch
        self._effort = effort
        self._results = results
        self._say = say

    def run(self, measure: Measure, relays: Iterable[Relay], rounds: int) -> None:
        """Take one measure.

        Args:
            measure: which.
            relays: those of its relays that are wanted and not missing.
            rounds: how many rounds were asked for.
        """
        going = {relay.name: relay for relay in relays}
        running: list[Running] = []
        (self._scratch / measure.name).mkdir()
        with ExitStack() as until:
            for number in range(1, measure.rounds(rounds) + 1):
                if number == 1 or (
                    measure.restart_after
                    and number % measure.restart_after == 1 % measure.restart_after
                ):
                    until.close()
                    started = [
                        self._start(measure, relay, number, until) for relay in going.values()
                    ]
                    running = [one for one in started if one]
                running = [one for one in running if self._take(measure, one, number)]
                going = {one.relay.name: one.relay for one in running}

    def _start(
        self, measure: Measure, relay: Relay, number: int, until: ExitStack
    ) -> Running | None:
        folder = self._scratch / measure.name / f"{number}-{relay.name}"
        try:
            return start(relay, measure.kind, folder, until)
        except MeasureError as reason:
            self._leave_out(measure, relay, reason)
            return None

    def _take(self, measure: Measure, running: Running, number: int) -> bool:
        """One run; whether the relay stays."""
        name, first = running.relay.name, measure.quantities[0]
        try:
            values, others = self._quietest(measure, running)
        except MeasureError as reason:
            self._leave_out(
                measure, running.relay, reason, f" from round {number} on" if number > 1 else ""
            )
            return False
        self._results.samples.append(Sample(measure.name, name, number, values, others))
        self._say(
            f"{measure.name} {number}: {name} {values[first.key]:.{first.digits}f} "
            f"{first.title} (others used {others:.0%})"
        )
        return True

    def _quietest(self, measure: Measure, running: Running) -> tuple[Values, float]:
        """Run once, or again if others disturbed it; the run that was disturbed least, and by how
        much.
        """
        tries: list[tuple[float, Values]] = []
        while len(tries) < measure.tries and (not tries or tries[-1][0] > _QUIET):
            disturbance = Disturbance(running.cpu_seconds)
            values = measure.take(running, self._effort)
            tries.append((disturbance.share(), values))
        others, values = min(tries, key=itemgetter(0))
        return values, others

    def _leave_out(
        self, measure: Measure, relay: Relay, reason: MeasureError, since: str = ""
    ) -> None:
        line = f"{relay.name} is left out of {measure.name}{since}: {reason}"
        self._results.left_out.append(line)
        self._say(line)
