"""A daemon that is told to reload, again and again."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.document import Document
from pipetwist.service.file_reloader import FileReloader
from tests.config.test_serialization import many


class _Tree:
    """What it asks of a tree."""

    log = Logger("pipetwist")

    def __init__(self) -> None:
        self.document = many(1)
        self.taken: list[Document] = []

    def reload(self, document: Document) -> Deferred[None]:
        """Take it."""
        self.taken.append(document)
        self.document = document
        return succeed(None)


class AgainTest(SynchronousTestCase):
    """A file whose reading is the test's."""

    def setUp(self) -> None:
        """Name it."""
        self.tree = _Tree()
        self.readings: list[Deferred[Document]] = []
        self.given: list[Document] = []
        self.cancelled: list[object] = []
        self.rereading = FileReloader(self.tree, "/a.json", self.read)  # type: ignore[arg-type]  # of a tree it has what is asked of one

    def read(self, path: str, before: Document) -> Deferred[Document]:
        """Begin to read it."""
        self.assertEqual(path, "/a.json")
        self.given.append(before)
        self.readings.append(Deferred(self.cancelled.append))
        return self.readings[-1]

    def test_once(self) -> None:
        """What was read is taken, and only then it is done; the next time it is known what there
        was.
        """
        done = self.rereading.reload_file()
        self.assertNoResult(done)
        self.assertIn("reading", repr(self.rereading))
        before, after = self.tree.document, many(2)
        self.readings[0].callback(after)
        self.successResultOf(done)
        self.rereading.reload_file()
        self.assertEqual((self.tree.taken, self.given), ([after], [before, after]))

    def test_again(self) -> None:
        """Asked for meanwhile, however often, it is done once more afterwards; all are reported at
        the end.
        """
        first = self.rereading.reload_file()
        more = [self.rereading.reload_file() for _ in range(3)]
        self.assertEqual(len(self.readings), 1)
        self.assertIn("once more", repr(self.rereading))
        self.readings[0].callback(many(2))
        self.assertEqual(len(self.readings), 2)
        for one in (first, *more):
            self.assertNoResult(one)
        self.readings[1].callback(many(3))
        for one in (first, *more):
            self.successResultOf(one)
        self.assertEqual((self.tree.taken, len(self.readings)), ([many(2), many(3)], 2))

    def test_stopped(self) -> None:
        """A stop gives up what is read and what is asked for, without a word, and nothing is read
        after it.
        """
        with capturedLogs() as events:
            asked = [self.rereading.reload_file() for _ in range(2)]
            self.rereading.stop()
            asked.append(self.rereading.reload_file())
        for one in asked:
            self.successResultOf(one)
        self.assertEqual(
            (self.cancelled, len(self.readings), self.tree.taken, events),
            (self.readings, 1, [], []),
        )
