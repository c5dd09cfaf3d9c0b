"""The pool of pipes: how many there are, who has them, and when there is none to be had."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.kernel import pipe_pool
from pipetwist.kernel.pipe_pool import PIPE_SIZE, Pipe, PipePool, default_limit
from tests.support.loop import open_descriptors

_PAGE = os.sysconf("SC_PAGE_SIZE")


class PipeTest(SynchronousTestCase):
    """One pipe."""

    def test_pipe(self) -> None:
        """It holds what was asked for or what the kernel grants, does not block, is not inherited,
        and is closed as a whole.
        """
        before = open_descriptors()
        pipe = Pipe(2 * PIPE_SIZE // 4)
        self.assertEqual((pipe.size, pipe.held), (PIPE_SIZE // 2, 0))
        for end in (pipe.reading, pipe.writing):
            self.assertEqual((os.get_blocking(end), os.get_inheritable(end)), (False, False))
        self.assertEqual(os.write(pipe.writing, bytes(PIPE_SIZE)), pipe.size)
        pipe.close()
        self.assertEqual(open_descriptors() - before, set())

    def test_above_the_limit(self) -> None:
        """A pipe that may not be enlarged stays as it was made, and knows how large that is."""
        real = fcntl.fcntl

        def refuse(descriptor: int, command: int, argument: int = 0) -> int:
            if command == pipe_pool._F_SETPIPE_SZ:
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
            return real(descriptor, command, argument)

        self.patch(fcntl, "fcntl", refuse)
        pipe = Pipe()
        self.addCleanup(pipe.close)
        self.assertEqual(pipe.size, 1 << 16)


class LimitTest(SynchronousTestCase):
    """How many pipes there may be."""

    def limit(self, text: str | None) -> int:
        """The limit where the kernel says this of its own."""
        path = Path(self.mktemp())
        if text is not None:
            path.write_text(text, encoding="ascii")
        self.patch(pipe_pool, "_PAGES_SOFT", path)
        return default_limit()

    def test_half_of_the_kernels(self) -> None:
        """It is half of what the kernel grants a user, at least one."""
        pages = PIPE_SIZE // _PAGE
        self.assertEqual(self.limit(f"{64 * pages}\n"), 32)
        self.assertEqual(self.limit(f"{2 * pages}\n"), 1)
        self.assertEqual(self.limit("1\n"), 1)

    def test_no_limit(self) -> None:
        """If the kernel has none it is 64, and where it does not say the half of the kernel's usual
        one.
        """
        self.assertEqual(self.limit("0\n"), 64)
        usual = 16384 * _PAGE // PIPE_SIZE // 2
        self.assertEqual((self.limit(None), self.limit("many\n")), (usual, usual))

    def test_this_kernel(self) -> None:
        """It is read from the kernel's own file."""
        said = int(Path("/proc/sys/fs/pipe-user-pages-soft").read_text(encoding="ascii"))
        self.assertEqual(PipePool().limit, max(1, said * _PAGE // PIPE_SIZE // 2) if said else 64)


class PoolTest(SynchronousTestCase):
    """Borrowing and giving back."""

    def setUp(self) -> None:
        """Note the descriptors that there are."""
        before = open_descriptors()
        self.addCleanup(lambda: self.assertEqual(open_descriptors() - before, set()))
        self.before = before

    def pool(self, limit: int = 3, **options: int) -> PipePool:
        """A pool; the test's clean-up closes it."""
        pool = PipePool(limit, **options)
        self.addCleanup(pool.close)
        return pool

    def borrow(self, pool: PipePool) -> Pipe:
        """One pipe; there is one."""
        pipe = pool.borrow()
        assert pipe is not None
        return pipe

    def pipes(self) -> int:
        """How many pipes this process has more than before."""
        return len(open_descriptors() - self.before) // 2

    def test_limit(self) -> None:
        """It lends so many and no more, until one comes back; none is made before it is asked
        for.
        """
        pool = self.pool()
        self.assertEqual(self.pipes(), 0)
        pipes = [self.borrow(pool) for _ in range(3)]
        self.assertEqual(
            (pool.borrow(), pool.claim(), pool.lent, self.pipes()), (None, False, 3, 3)
        )
        pool.give_back(pipes.pop())
        self.assertEqual(pool.lent, 2)
        pipes.append(self.borrow(pool))
        self.assertIsNone(pool.borrow())
        for pipe in pipes:
            pool.give_back(pipe)
        self.assertEqual((pool.lent, self.pipes()), (0, 3))

    def test_used_again(self) -> None:
        """What was given back last is lent next: it is the one that the processor remembers."""
        pool = self.pool()
        first, second = self.borrow(pool), self.borrow(pool)
        pool.give_back(first)
        pool.give_back(second)
        self.assertIs(pool.borrow(), second)
        self.assertIs(pool.borrow(), first)
        pool.give_back(first)
        pool.give_back(second)

    def test_spare(self) -> None:
        """More than a number of pipes that nobody uses are not kept."""
        pool = self.pool(4, spare=2)
        for pipe in [self.borrow(pool) for _ in range(4)]:
            pool.give_back(pipe)
        self.assertEqual((pool.lent, self.pipes()), (0, 2))

    def test_not_empty(self) -> None:
        """A pipe with something in it is closed when it comes back: nobody shall read another's
        bytes.
        """
        pool = self.pool()
        pipe = self.borrow(pool)
        pipe.held = os.write(pipe.writing, b"secret")
        pool.give_back(pipe)
        self.assertEqual((pool.lent, self.pipes()), (0, 0))

    def test_too_small(self) -> None:
        """A pipe that the kernel grants too little is refused, and closed; the next who ask are
        told so without another.
        """
        made: list[Any] = []
        real = os.pipe2

        def pipe2(flags: int) -> tuple[int, int]:
            made.append(flags)
            return real(flags)

        self.patch(os, "pipe2", pipe2)
        pool = self.pool(min_size=PIPE_SIZE + 1)
        for _ in range(1001):
            self.assertIsNone(pool.borrow())
        self.assertEqual((pool.lent, self.pipes(), len(made)), (0, 0, 1))
        self.assertIsNone(pool.borrow())
        self.assertEqual(len(made), 2)

    def test_no_descriptors(self) -> None:
        """If the process has no descriptors left, there is no pipe to be had, until it has some
        again.
        """

        def none(flags: int) -> tuple[int, int]:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        pool = self.pool()
        pipe = self.borrow(pool)
        with_some = os.pipe2
        self.patch(os, "pipe2", none)
        self.assertIsNone(pool.borrow())
        self.assertEqual(pool.lent, 1)
        pool.give_back(pipe)
        self.assertIs(pool.borrow(), pipe)
        os.pipe2 = with_some
        for _ in range(1000):
            self.assertIsNone(pool.borrow())
        pool.give_back(self.borrow(pool))
        pool.give_back(pipe)

    def test_claims(self) -> None:
        """A pipe of somebody else's that is enlarged counts until it is released."""
        pool = self.pool()
        self.assertEqual([pool.claim() for _ in range(4)], [True, True, True, False])
        self.assertIsNone(pool.borrow())
        self.assertEqual((pool.lent, self.pipes()), (3, 0))
        pool.release()
        pool.give_back(self.borrow(pool))
        for _ in range(2):
            pool.release()
        self.assertEqual(pool.lent, 0)

    def test_claims_and_spare_pipes(self) -> None:
        """A claim takes the place of a pipe that nobody uses: together they are never more than the
        limit.
        """
        pool = self.pool()
        for pipe in [self.borrow(pool) for _ in range(3)]:
            pool.give_back(pipe)
        for claims in range(1, 4):
            self.assertTrue(pool.claim())
            self.assertEqual(self.pipes(), 3 - claims)
        self.assertFalse(pool.claim())
        for _ in range(3):
            pool.release()

    def test_close(self) -> None:
        """Closing it closes what nobody uses; it may be used again."""
        pool = self.pool()
        first, second = self.borrow(pool), self.borrow(pool)
        pool.give_back(first)
        pool.close()
        self.assertEqual(self.pipes(), 1)
        pool.give_back(second)
        self.assertIs(pool.borrow(), second)
        pool.give_back(second)
