"""What sides in the kernel work with shows its state."""

from __future__ import annotations

import os

from pipetwist.kernel.pipe_pool import Pipe
from pipetwist.kernel.process_stderr import ProcessStderr
from pipetwist.process.standard_error import StandardErrorLines
from tests.support.loop import KernelCase


class ShownTest(KernelCase):
    """What a traceback or a debugger has of it."""

    def test_pool(self) -> None:
        """A pool says how many pipes are lent and how many it keeps, and a pipe how much is in
        it.
        """
        pool = self.kernel.pool
        pipe = pool.borrow()
        assert pipe is not None
        self.assertEqual(repr(pool), f"<PipePool 1 of {pool.limit} lent, 0 idle>")
        self.assertEqual(repr(pipe), f"<Pipe 0 of {pipe.size} held>")
        pool.give_back(pipe)
        self.assertEqual(repr(pool), f"<PipePool 0 of {pool.limit} lent, 1 idle>")
        small = Pipe(4096)
        self.addCleanup(small.close)
        small.held = os.write(small.writing, b"abc")
        self.assertEqual(repr(small), f"<Pipe 3 of {small.size} held>")

    def test_errors(self) -> None:
        """A reader of standard error says what it reads, or that it is over; a poller how many it
        watches.
        """
        reading, writing = os.pipe()
        self.addCleanup(os.close, writing)
        errors = ProcessStderr(
            self.kernel.poller,
            reading,
            StandardErrorLines(self.loop, lambda line: None),
            lambda: None,
        )
        self.assertEqual(
            (repr(errors), repr(self.kernel.poller)),
            (f"<ProcessStderr fd={reading}>", "<Poller 1 watched>"),
        )
        errors.close()
        self.assertEqual(
            (repr(errors), repr(self.kernel.poller)), ("<ProcessStderr over>", "<Poller 0 watched>")
        )
