"""The tree of services starts as a whole or not at all."""

from __future__ import annotations

import errno
import os
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from pipetwist.api.options import ApiOptions, StatsOptions
from pipetwist.config.document import ExperimentalOptions
from pipetwist.config.notes import is_root, notes
from pipetwist.errors import StartError
from pipetwist.inbounds.endpoint import EndpointInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.web.options import WebOptions
from tests.service.case import TreeTestCase


class StartingTest(TreeTestCase):
    """All or nothing."""

    def test_start(self) -> None:
        """Started, it listens everywhere; twistd's two steps do it once."""
        tree = self.make(self.inbound("a"), self.inbound("b"))
        tree.privilegedStartService()
        self.assertEqual(self.there(), ["a", "b"])
        tree.startService()
        self.assertEqual((self.there(), bool(tree.running)), (["a", "b"], True))

    def test_note(self) -> None:
        """What may surprise is a warning in the log."""
        tree = self.make(
            experimental=ExperimentalOptions(
                v2ray_api=ApiOptions(stats=StatsOptions(inbounds=("in",)))
            )
        )
        warned: list[object] = []
        self.patch(tree.log, "warn", lambda text, **fields: warned.append(fields.get("note")))
        tree.startService()
        self.assertEqual(warned, list(notes(tree.document, root=is_root())))
        self.assertEqual(len(warned), 1)

    def test_nothing_left(self) -> None:
        """If one inbound can't listen none does, in either step, and no socket's file is left."""
        for start in ("privilegedStartService", "startService"):
            bad = UnixInboundOptions(tag="bad", path=str(self.folder / "nowhere" / "bad"))
            tree = self.make(self.inbound("a"), bad, self.inbound("b"))
            error = self.assertRaises(StartError, getattr(tree, start))
            self.assertEqual(
                str(error), f"inbound bad: there is no folder {self.folder}/nowhere; make it first"
            )
            self.assertEqual(
                (self.there(), bool(tree.running), self.reactor.readers), ([], False, set())
            )

    def test_api_can_not_start(self) -> None:
        """The API is the last to start; where it can't nothing else stays."""

        def refuse(port: int, *_: object, interface: str) -> None:
            raise CannotListenError(
                interface, port, OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            )

        self.reactor.listenTCP = refuse  # type: ignore[attr-defined]  # as a reactor has it
        tree = self.make(
            experimental=ExperimentalOptions(v2ray_api=ApiOptions(listen="127.0.0.1:10085"))
        )
        error = self.assertRaises(StartError, tree.startService)
        self.assertEqual(
            str(error),
            "experimental.v2ray_api.listen: can't listen on 127.0.0.1:10085: Address already "
            "in use",
        )
        self.assertEqual(
            (self.there(), bool(tree.running), self.reactor.readers), ([], False, set())
        )

    def test_mistake(self) -> None:
        """Whatever an inbound fails with, nothing stays."""
        tree = self.make(self.inbound("a"), self.inbound("b"))

        def fail() -> None:
            message = "a mistake"
            raise ValueError(message)

        self.patch(tree.inbounds["b"], "listen", fail)
        self.assertRaises(ValueError, tree.startService)
        self.assertEqual((self.there(), bool(tree.running)), ([], False))

    def test_web(self) -> None:
        """The HTTP listener is bound in twistd's first step, let go of where another part fails,
        and the first to stop.
        """
        number = 9100
        options = WebOptions(listen=f"127.0.0.1:{number}")
        listening: list[int] = []
        self.reactor.listenTCP = lambda port, factory, interface: _Port(listening, port)  # type: ignore[attr-defined]  # as a reactor has it
        tree = self.make(metrics=options)
        tree.privilegedStartService()
        self.assertEqual(listening, [number])
        tree.startService()
        self.assertEqual(listening, [number])
        self.connect()
        stopped = tree.stopService()
        self.assertEqual((listening, tree.relay.open_connections), ([], 1))
        self.reactor.pump([1] * 20)
        self.successResultOf(stopped)
        bad = UnixInboundOptions(tag="bad", path=str(self.folder / "nowhere" / "bad"))
        self.assertRaises(StartError, self.make(bad, metrics=options).privilegedStartService)
        self.assertEqual(listening, [])

    def test_second_try(self) -> None:
        """When what was wrong is put right it can be started."""
        tree = self.make(
            self.inbound("a"),
            UnixInboundOptions(tag="bad", path=str(self.folder / "later" / "bad")),
        )
        self.assertRaises(StartError, tree.privilegedStartService)
        self.assertRaises(StartError, tree.startService)
        (self.folder / "later").mkdir()
        tree.startService()
        self.assertEqual(self.there(), ["a", "later"])
        self.connect("a")
        self.assertEqual(len(self.spawner.processes), 1)

    def test_commands_that_wait(self) -> None:
        """Commands that were started ahead do not outlive a start that failed."""
        bad = UnixInboundOptions(tag="bad", path=str(self.folder / "nowhere" / "bad"))
        tree = self.make(
            bad, outbounds=(ForkOutboundOptions(tag="tool", command=("cat",), prefork=2),)
        )
        self.assertRaises(StartError, tree.startService)
        self.reactor.pump([1] * 10)
        self.assertEqual(
            [process.pid for process in self.spawner.processes if process.pid is not None], []
        )

    def test_fails_later(self) -> None:
        """An inbound that fails to listen only later is told to whoever runs the tree, or
        logged.
        """
        failures: list[StartError] = []
        for failed in (failures.append, None):
            tree = self.make(EndpointInboundOptions(tag="any", endpoint="tcp:0"), failed=failed)
            listening: Deferred[Any] = Deferred()
            self.patch(tree.inbounds["any"], "listen", lambda listening=listening: listening)
            tree.startService()
            with capturedLogs() as events:
                listening.errback(Failure(StartError("inbound any: taken")))
            logged = [formatEvent(event) for event in events if event["log_level"].name == "error"]
            self.assertEqual(logged, [] if failed else ["inbound any: taken"])
        self.assertEqual([str(failure) for failure in failures], ["inbound any: taken"])


class _Port:
    """Stands for a port of Twisted's.

    Args:
        listening: the numbers of all that listen.
        number: its own.
    """

    def __init__(self, listening: list[int], number: int) -> None:
        self._listening = listening
        self._number = number
        listening.append(number)

    def getHost(self) -> IPv4Address:
        """Where it listens."""
        return IPv4Address("TCP", "127.0.0.1", self._number)

    def stopListening(self) -> None:
        """Listen no more."""
        self._listening.remove(self._number)
