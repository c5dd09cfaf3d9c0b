"""The configuration's file, read again."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.document import Document
from pipetwist.errors import ConfigError, StartError
from pipetwist.service.file_reloader import FileReloader

_NOT_TAKEN = "configuration not reloaded; the old one stays in use"
_DOCUMENT = Document(inbounds=(), outbounds=())


class FileReloaderTest(SynchronousTestCase):
    """A tree and a file that are the test's."""

    def setUp(self) -> None:
        """Have everything go well."""
        self.events: list[Any] = []
        self.log = Logger(observer=self.events.append)  # type: ignore[arg-type]  # a list's append observes well
        self.document = _DOCUMENT
        self.taken: list[Document] = []
        self.overview = self
        self.reasons: list[str] = []
        self.outcome: Deferred[None] = succeed(None)
        self.error: Exception | None = None

    def reload(self, document: Document) -> Deferred[None]:
        self.taken.append(document)
        return self.outcome

    def refused(self, problem: str) -> None:
        self.reasons.append(problem)

    def read(self, path: str, before: Document) -> Deferred[Document]:
        self.assertEqual((path, before), ("/etc/pipetwist.json", self.document))
        return succeed(_DOCUMENT) if self.error is None else fail(self.error)

    def reload_file(self) -> list[str]:
        """Do it; the lines that are logged."""
        rereading = FileReloader(self, "/etc/pipetwist.json", self.read)  # type: ignore[arg-type]  # of a tree it has what is asked of one
        self.assertIsNone(self.successResultOf(rereading.reload_file()))
        return [formatEvent(event) for event in self.events]

    def test_taken(self) -> None:
        """What the file says is taken, and of that the tree has more to say."""
        self.assertEqual((self.reload_file(), self.taken), ([], [_DOCUMENT]))

    def test_waited_for(self) -> None:
        """The caller's Deferred fires when it is done."""
        self.outcome = Deferred()
        done = FileReloader(self, "/etc/pipetwist.json", self.read).reload_file()  # type: ignore[arg-type]  # see above
        self.assertNoResult(done)
        self.outcome.callback(None)
        self.successResultOf(done)

    def test_mistakes(self) -> None:
        """Each thing that is wrong with the file is an error's line of its own in the log, and
        nothing is taken.
        """
        self.error = ConfigError(
            "pipetwist.json: inbounds[0].tag: missing\npipetwist.json: outbounds: missing"
        )
        self.assertEqual(
            self.reload_file(),
            [
                "pipetwist.json: inbounds[0].tag: missing",
                "pipetwist.json: outbounds: missing",
                _NOT_TAKEN,
            ],
        )
        self.assertEqual(
            ({event["log_level"].name for event in self.events}, self.taken), ({"error"}, [])
        )
        self.assertEqual(self.reasons, [str(self.error)])

    def test_refused(self) -> None:
        """What can't be had is one, too."""
        self.outcome = fail(
            StartError("inbound in: can't listen on 127.0.0.1:1: Permission denied")
        )
        self.assertEqual(
            self.reload_file(),
            ["inbound in: can't listen on 127.0.0.1:1: Permission denied", _NOT_TAKEN],
        )

    def test_fault(self) -> None:
        """A fault of pipetwist's own is logged as one, and the daemon goes on."""
        self.outcome = fail(ZeroDivisionError())
        self.reload_file()
        self.assertEqual([event["log_level"].name for event in self.events], ["critical", "error"])
        self.assertIsNotNone(self.events[0]["log_failure"].check(ZeroDivisionError))
