"""docs/page.md, held against what is answered."""

from __future__ import annotations

import json
import re
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.cause import Cause
from pipetwist.page.ended import EndedConnections
from pipetwist.page.feed import MAX_STREAMS
from pipetwist.page.history_call import MAX_ANSWERS, MAX_SECONDS
from pipetwist.page.limits import LimitsTold
from pipetwist.page.past import MAX_LISTED, RANGES, Asked, past
from pipetwist.page.rings import ALL, KEPT, History, Moved, Name
from pipetwist.page.sampling import MAX_NAMES, Sampler
from pipetwist.page.stream import MAX_PAUSE
from pipetwist.page.view import MAX_ROWS, SORTS, View
from pipetwist.stats.names import ENTITIES
from pipetwist.steps import at_once
from tests.support.markdown import ROOT, blocks
from tests.support.page_document import told
from tests.support.pretended_relay import PretendedRelay

_DOCUMENT = "docs/page.md"


def _shape(value: Any, path: str = "") -> set[str]:
    """The keys of an object and of those in it; what stands for a name is one."""
    if isinstance(value, list):
        return {key for one in value for key in _shape(one, path)}
    if not isinstance(value, dict):
        return set()
    if path.endswith(".names"):
        return {key for one in value.values() for key in _shape(one, f"{path}.NAME")}
    return {f"{path}.{key}" for key in value} | {
        inner for key, one in value.items() for inner in _shape(one, f"{path}.{key}")
    }


class PageTest(SynchronousTestCase):
    """What is said of the calls."""

    def setUp(self) -> None:
        """Read the document, and make what it describes."""
        self.text = (ROOT / _DOCUMENT).read_text(encoding="utf-8")
        relay = PretendedRelay(connections=3)
        sampler = Sampler(relay.connection_table, relay.store)
        for _ in sampler.sample():
            pass
        self.made = json.loads(told(sampler, View()))

    def test_example(self) -> None:
        """The example has the keys that an answer has."""
        example = self.example("/api/snapshot")
        example["traffic"]["outbound"]["names"] = example["traffic"]["inbound"]["names"]
        self.assertEqual(_shape(example), _shape(self.made))

    def test_example_of_ended(self) -> None:
        """So has that of what has ended."""
        relay = PretendedRelay(connections=1)
        ended = EndedConnections(relay.now, lambda: {("in", Cause.REFUSED): 1})
        (connection,) = relay.connection_table.connections()
        connection.cause = Cause.CONNECT
        ended.closed(connection, 1.0)
        made = json.loads(json.dumps(ended.document()))
        example = self.example("/api/ended")
        for one in (made, example):
            one["outbounds"] = {"names": one["outbounds"]}
        self.assertEqual(_shape(example), _shape(made))

    def test_examples_of_calls(self) -> None:
        """So have those of names, of what an operator sees, and of limits."""
        relay = PretendedRelay()
        relay.get_into_trouble()
        limits = relay.connection_table.limits
        assert limits.quotas is not None
        self.addCleanup(limits.quotas.stop)
        names = json.loads(at_once(relay.tallies.document()))
        example = self.example("/api/names")
        for one in (names, example):
            for entity in ENTITIES:
                one[entity] = {"names": one[entity]}
        self.assertEqual(_shape(example), _shape(names))
        state = json.loads(json.dumps(relay.state.state.document()))
        self.assertEqual(_shape(self.example("/api/state")), _shape(state))
        told = LimitsTold(limits, lambda: ()).document(("alice",))
        self.assertEqual(_shape(self.example("/api/limits")), _shape(json.loads(at_once(told))))

    def test_example_of_history(self) -> None:
        """So has that of what was recorded, and its ranges are all there are."""
        history = History()
        flows: dict[Name, float] = dict.fromkeys((ALL, ("inbound", "in"), ("user", "alice")), 1.0)
        at_once(history.add(range(1), 1.0, Moved(flows, flows)))
        made = json.loads(at_once(past(history, Asked(), lambda slot: slot)))
        self.assertEqual(_shape(self.example("/api/history")), _shape(made))
        row = next(line for line in self.text.splitlines() if line.startswith("| `range`"))
        self.assertEqual(set(re.findall(r"`(\w+)`", row)), {"range", *RANGES})

    def example(self, heading: str) -> Any:
        """The object that stands under a heading."""
        (text,) = (
            block.text
            for block in blocks(_DOCUMENT)
            if block.language == "json" and block.heading == heading
        )
        return json.loads(text)

    def test_keys(self) -> None:
        """Every key of an answer is explained, and no other."""
        table = self.text.partition("| key | |\n")[2].partition("\n\n")[0]
        told = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row)}
        self.assertEqual(
            told,
            {path.rpartition(".")[2] for path in _shape(self.made)}
            - {"inbound", "user", "outbound", "names"}
            | _ROW,
        )

    def test_arguments(self) -> None:
        """Every way to sort is listed, and the bounds are those of the code."""
        row = next(line for line in self.text.splitlines() if line.startswith("| `sort`"))
        self.assertEqual(set(re.findall(r"`(\w+)`", row)), {"sort", *SORTS})
        for words in (
            f"up to {MAX_ROWS} |",
            f"at most {MAX_NAMES} of them",
            f"At most {MAX_STREAMS} event streams",
            f"after {MAX_PAUSE:.0f} seconds",
            f"up to {MAX_LISTED}: those with the most bytes",
            f"the {KEPT} busiest inbounds",
            f"At most {MAX_ANSWERS} answers",
            f"in {MAX_SECONDS:.0f} seconds",
        ):
            self.assertIn(words, self.text)


_ROW = {"inbound", "outbound", "user"}
