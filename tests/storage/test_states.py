"""A store through whatever happens to it, beside a model."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.storage.offline import read_counters
from tests.support.counter_files import close, figures, kill, open_store, quick_folder
from tests.support.examples import examples


class _States(RuleBasedStateMachine):
    """Any order of counting, resets, new names, syncs, stops and kills, against a dict."""

    names = st.text(st.characters(codec="utf-8"), max_size=70)

    def __init__(self) -> None:
        super().__init__()
        self.case = SynchronousTestCase()
        self.path = quick_folder(self.case) / "counters.db"
        self.store = open_store(self.path)
        self.model: dict[str, tuple[int, int]] = {}

    @rule(name=names, count=st.integers(0, 2**44))
    def add(self, name: str, count: int) -> None:
        """Count on this one."""
        self.store.counter(name).add(count)
        total, value = self.model.get(name, (0, 0))
        self.model[name] = total + count, value + count

    @rule(data=st.data())
    def reset(self, data: st.DataObject) -> None:
        """Reset one that there is."""
        if self.model:
            name = data.draw(st.sampled_from(sorted(self.model)))
            total, value = self.model[name]
            assert self.store.counter(name).reset() == value
            self.model[name] = total, 0

    @rule(number=st.integers(1, 800))
    def grow(self, number: int) -> None:
        """Make many."""
        for one in range(number):
            self.store.counter(f"grown {one}")
            self.model.setdefault(f"grown {one}", (0, 0))

    @rule()
    def sync(self) -> None:
        """Sync."""
        self.store.sync()

    @rule()
    def stop(self) -> None:
        """Stop in order, and start."""
        close(self.store)
        self.store = open_store(self.path)

    @rule()
    def kill(self) -> None:
        """Be killed, and start."""
        kill(self.store)
        self.store = open_store(self.path)

    @invariant()
    def same(self) -> None:
        """The counters are what was counted, in the file too."""
        assert figures(self.store) == self.model
        assert {
            name: (total, value) for name, total, value in read_counters(self.path)
        } == self.model

    def teardown(self) -> None:
        """Leave nothing."""
        close(self.store)
        self.case.doCleanups()


class StatesTest(SynchronousTestCase):
    """Any order of everything."""

    def test_any_order(self) -> None:
        """Whatever is done in whatever order, the counters are what was counted."""
        _States.TestCase.settings = settings(
            max_examples=examples(40),
            stateful_step_count=15,
            deadline=None,
            database=None,
            derandomize=True,
        )
        _States.TestCase("runTest").debug()

    @settings(max_examples=examples(50), deadline=None, database=None)
    @given(st.lists(st.none() | st.integers(min_value=0, max_value=2**40)))
    def test_values(self, steps: list[int | None]) -> None:
        """What the resets gave and the value are the total."""
        path = quick_folder(self) / "counters.db"
        store = open_store(path)
        counter = store.counter("name")
        given_out = 0
        for step in steps:
            if step is None:
                given_out += counter.reset()
            else:
                counter.add(step)
        self.assertEqual(
            (given_out + counter.value(), counter.total()), (sum(step or 0 for step in steps),) * 2
        )
        close(store)
