"""Looking names up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import ConnectError, NameTimeoutError
from pipetwist.network.lookups import Lookups, look_up


class _Reactor:
    """Is told from threads, and does at once what it is told."""

    def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
        call(*arguments)


class LookupsTest(SynchronousTestCase):
    """Several names at once, each looked up in a thread that runs when the test says so."""

    def setUp(self) -> None:
        """Make room for two names at once."""
        self.threads: dict[str, Callable[[], None]] = {}
        self.asked: list[str] = []
        self.more_threads = True
        self.lookups = Lookups(_Reactor(), self.getaddrinfo, maximum=2, start_thread=self.start)

    def late(self, *hosts: str, since: int) -> str | None:
        """What is said of who began then."""
        late = self.lookups.late_name(hosts, since)
        return None if late is None else str(late)

    def test_late_name(self) -> None:
        """Whether somebody waits for a name still is known: it is being looked up, and no look-up
        of it has ended since he came.
        """
        self.assertIsNone(self.late("tcp", "dead", since=self.lookups.ended))
        began = self.lookups.ended
        for name in ("dead", "other", "queued"):
            self.lookups.find(name, 80)
        for name in ("dead", "queued"):
            self.assertEqual(
                self.late("tcp", name, "80", since=began),
                f"{name}: the name could not be resolved in time",
            )
        self.run_thread("dead")
        self.assertIsNone(self.late("dead", since=began))
        self.lookups.find("dead", 80)  # somebody else's
        self.assertIsNone(self.late("dead", since=began))
        self.assertIsNotNone(self.late("dead", since=self.lookups.ended))

    def start(self, run: Any) -> None:
        """Keep a thread's work for the test."""
        if not self.more_threads:
            message = "can't start new thread"
            raise RuntimeError(message)
        self.threads[run.args[0]] = run

    def getaddrinfo(self, host: str, port: int, **_: object) -> list[Any]:
        """See socket.getaddrinfo."""
        self.asked.append(host)
        if host == "nobody":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", port, 0, 3)),
            *(
                (socket.AF_INET, socket.SOCK_STREAM, number, "", ("192.0.2.1", port))
                for number in (6, 132)
            ),
        ]

    def run_thread(self, name: str) -> None:
        """Let a look-up come to its end."""
        self.threads.pop(name)()

    def error(self, finding: Deferred[Any], kind: type[Exception] = ConnectError) -> str:
        """What it failed with."""
        return str(self.failureResultOf(finding, kind).value)

    def test_addresses(self) -> None:
        """Each address comes once, in the system's order, with the port and with the interface's
        number.
        """
        finding = self.lookups.find("relay", 80)
        self.assertNoResult(finding)
        self.run_thread("relay")
        found = [(socket.AF_INET6, ("fe80::1", 80, 0, 3)), (socket.AF_INET, ("192.0.2.1", 80))]
        self.assertEqual(self.successResultOf(finding), found)

    def test_numeric(self) -> None:
        """For what is an address already nothing is looked up."""
        self.assertEqual(
            self.successResultOf(self.lookups.find("192.0.2.1", 80)),
            [(socket.AF_INET, ("192.0.2.1", 80))],
        )
        self.assertEqual(
            self.successResultOf(self.lookups.find("::1", 80)),
            [(socket.AF_INET6, ("::1", 80, 0, 0))],
        )
        self.assertEqual(self.threads, {})

    def test_shared(self) -> None:
        """A caller that asks for a name that is being looked up gets that result, with its own
        port; a later one has it looked up again.
        """
        findings = [self.lookups.find("relay", port) for port in (80, 443)]
        self.assertEqual(list(self.threads), ["relay"])
        self.run_thread("relay")
        self.assertEqual(
            [self.successResultOf(finding)[1][1][1] for finding in findings], [80, 443]
        )
        self.assertEqual(self.asked, ["relay"])
        again = self.lookups.find("relay", 80)
        self.run_thread("relay")
        self.successResultOf(again)
        self.assertEqual(self.asked, ["relay", "relay"])

    def test_dead_name(self) -> None:
        """A name that is never answered takes one place, however many ask for it: others are looked
        up beside it.
        """
        for _ in range(50):
            self.lookups.find("dead", 80)
        other = self.lookups.find("relay", 80)
        self.assertEqual(list(self.threads), ["dead", "relay"])
        self.run_thread("relay")
        self.successResultOf(other)

    def test_turns(self) -> None:
        """What is beyond the bound waits for a place, the oldest first."""
        findings = {name: self.lookups.find(name, 80) for name in ("a", "b", "c", "d")}
        self.assertEqual(list(self.threads), ["a", "b"])
        self.run_thread("b")
        self.assertEqual(list(self.threads), ["a", "c"])
        self.successResultOf(findings["b"])
        self.assertEqual(repr(self.lookups), "<Lookups running=['a', 'c'] waiting=['d']>")

    def test_cancelled(self) -> None:
        """A caller that cancels gets an error that the name was not resolved in time, and stops
        waiting; others who wait for it get it.
        """
        impatient, patient = self.lookups.find("relay", 80), self.lookups.find("relay", 80)
        impatient.cancel()
        self.assertEqual(
            self.error(impatient, NameTimeoutError), "relay: the name could not be resolved in time"
        )
        self.run_thread("relay")
        self.successResultOf(patient)

    def test_nobody_left(self) -> None:
        """A name that waits for a place with nobody left to wait for it is looked up no more; one
        that runs comes to nothing.
        """
        findings = [self.lookups.find(name, 80) for name in ("a", "b", "c")]
        for finding in findings:
            finding.cancel()
            self.error(finding, NameTimeoutError)
        self.run_thread("a")
        self.run_thread("b")
        self.assertEqual((self.threads, self.asked), ({}, ["a", "b"]))
        self.assertEqual(repr(self.lookups), "<Lookups running=[] waiting=[]>")

    def test_no_such_name(self) -> None:
        """A name that nobody knows is reported with the system's word, to each who waits."""
        findings = [self.lookups.find("nobody", 80) for _ in range(2)]
        self.run_thread("nobody")
        for finding in findings:
            self.assertEqual(self.error(finding), "nobody: Name or service not known")

    def test_no_thread(self) -> None:
        """If no thread can be started, that is reported, and the next to ask is served as ever."""
        self.more_threads = False
        self.assertEqual(
            self.error(self.lookups.find("relay", 80)),
            "relay: the name can't be looked up: this process may have no more threads",
        )
        self.more_threads = True
        finding = self.lookups.find("relay", 80)
        self.run_thread("relay")
        self.successResultOf(finding)


class LookUpTest(SynchronousTestCase):
    """One name, by the system."""

    def test_no_name(self) -> None:
        """What can't be a name is reported as such, and not as a mistake of the program's."""
        for name in ("a..b", "a" * 70 + ".example"):
            self.assertEqual(look_up(name), "this can't be the name of a host")

    def test_here(self) -> None:
        """This machine's name for itself is found, by its file of hosts."""
        self.assertIn((socket.AF_INET, ("127.0.0.1", 0)), look_up("localhost"))


class ThreadTest(SynchronousTestCase):
    """The system's own threads."""

    def test_not_waited_for(self) -> None:
        """A look-up runs in a thread that the end of the program does not wait for."""
        go_on, ended = threading.Event(), threading.Event()
        self.addCleanup(ended.wait, 20)
        self.addCleanup(go_on.set)
        threads: list[threading.Thread] = []
        begun = threading.Event()

        def getaddrinfo(*_: object, **__: object) -> list[Any]:
            threads.append(threading.current_thread())
            begun.set()
            go_on.wait(20)
            return []

        class Told(_Reactor):
            def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
                ended.set()

        Lookups(Told(), getaddrinfo).find("dead", 80).addErrback(lambda _: None)
        self.assertTrue(begun.wait(20))
        self.assertTrue(threads[0].daemon)
        self.assertIsNot(threads[0], threading.current_thread())
