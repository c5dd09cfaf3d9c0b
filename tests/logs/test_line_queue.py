"""The lines that are not written yet."""

from __future__ import annotations

from threading import Thread

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.logs.line_queue import Batch, LineQueue

_NOTHING = Batch(b"", 0, False)


class LineQueueTest(SynchronousTestCase):
    """What is put, and what is taken."""

    def test_order(self) -> None:
        """All lines that there are are taken at once, in their order."""
        queue = LineQueue(100)
        for line in (b"one\n", b"two\n", b"three\n"):
            queue.put(line)
        self.assertEqual(queue.take(0), Batch(b"one\ntwo\nthree\n", 0, False))
        self.assertEqual(queue.take(0), _NOTHING)

    def test_full(self) -> None:
        """What does not fit is counted, by lines; so is what would fit after it, so that one place
        alone has a gap.
        """
        queue = LineQueue(10)
        for line in (b"12345678\n", b"12\n\t34\n", b"\n", b"\n"):
            queue.put(line)
        self.assertEqual(queue.take(0), Batch(b"12345678\n", 4, False))
        queue.put(b"there is room, for one of any size\n")
        self.assertEqual(queue.take(0), Batch(b"there is room, for one of any size\n", 0, False))

    def test_exactly_full(self) -> None:
        """Lines that fill it exactly are held."""
        queue = LineQueue(10)
        queue.put(b"1234\n")
        queue.put(b"6789\n")
        self.assertEqual(queue.take(0), Batch(b"1234\n6789\n", 0, False))

    def test_rotation(self) -> None:
        """Another file is asked for once, after the lines that there are."""
        queue = LineQueue(8)
        queue.put(b"one\n")
        queue.ask_for_rotation()
        queue.put(b"two\n")
        queue.ask_for_rotation()
        queue.put(b"three\n")
        self.assertEqual(queue.take(0), Batch(b"one\n", 0, True))
        self.assertEqual(queue.take(0), Batch(b"two\n", 1, False))
        self.assertEqual(queue.take(0), _NOTHING)

    def test_written(self) -> None:
        """What was taken is known to be written when more is asked for."""
        queue = LineQueue(100)
        self.assertTrue(queue.wait_until_written(0))
        queue.put(b"one\n")
        self.assertFalse(queue.wait_until_written(0))
        queue.take()
        self.assertFalse(queue.wait_until_written(0))
        queue.take(0)
        # Nobody says that this batch is written.
        self.assertFalse(queue.wait_until_written(0))

    def test_waits(self) -> None:
        """`take` waits for a line, and `wait_until_written` returns when it is written."""
        queue = LineQueue(100)
        taken: list[Batch] = []

        def write() -> None:
            while not taken or taken[-1].data != b"end\n":
                taken.append(queue.take(20))

        thread = Thread(target=write, daemon=True)
        thread.start()
        queue.put(b"one\n")
        self.assertTrue(queue.wait_until_written(20))
        self.assertEqual(taken, [Batch(b"one\n", 0, False)])
        queue.put(b"end\n")
        thread.join(20)
        self.assertFalse(thread.is_alive())

    def test_within(self) -> None:
        """A line that comes while one is put, as from the collector, is taken as any other, and
        nobody waits for himself.
        """
        queue = LineQueue(100)

        class Line(bytes):
            def __len__(self) -> int:
                queue.put(b"within\n")
                return super().__len__()

        queue.put(b"before\n")
        queue.put(Line(b"outer\n"))
        self.assertEqual(set(queue.take(0).data.splitlines()), {b"before", b"outer", b"within"})

    def test_repr(self) -> None:
        """Its state is shown."""
        queue = LineQueue(5)
        queue.put(b"1234\n")
        queue.put(b"1234\n")
        self.assertEqual(repr(queue), "<LineQueue of 1 lines, 5 bytes; 1 lines left out>")

    @given(
        st.lists(
            st.binary(max_size=8).filter(lambda line: b"\n" not in line) | st.none(), max_size=40
        )
    )
    def test_none_is_forgotten(self, steps: list[bytes | None]) -> None:
        """Whatever comes and whenever it is taken, each line is either written in its order or
        counted in its place.
        """
        queue = LineQueue(16)
        put: list[bytes] = []
        taken: list[bytes] = []

        def take() -> None:
            batch = queue.take(0)
            self.assertLessEqual(len(batch.data), 16)
            taken.extend(line + b"\n" for line in batch.data.split(b"\n")[:-1])
            taken.extend(put[len(taken) : len(taken) + batch.left_out])

        for step in steps:
            if step is None:
                take()
            else:
                put.append(step + b"\n")
                queue.put(put[-1])
        take()
        self.assertEqual(taken, put)
