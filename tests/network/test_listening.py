"""Listening at every address of a host."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pipetwist.errors import StartError
from pipetwist.network import listening
from pipetwist.network.listening import ListenHosts, choose_families, open_everywhere
from pipetwist.network.lookups import Address, Lookups

_V4 = int(socket.AF_INET)
_V6 = int(socket.AF_INET6)


class _Socket(socket.socket):
    """What stands for a socket at an address."""

    def __init__(self, address: Any) -> None:
        super().__init__()
        self.address = address

    def getsockname(self) -> Any:
        """See socket.socket."""
        return self.address


class OpeningTest(SynchronousTestCase):
    """On a machine that has what the test says."""

    def setUp(self) -> None:
        """Have two addresses, and free ports from 1000 on."""
        self.here = {"127.0.0.1", "::1"}
        self.taken: set[tuple[str, int]] = set()
        self.free = 1000
        self.warned: list[str] = []
        self.opened: list[_Socket] = []

    def open_one(self, family: int, address: Any) -> _Socket:
        """Open a socket, as the system would."""
        host, port, *more = address
        if host not in self.here:
            raise _error(errno.EADDRNOTAVAIL if family == _V4 else errno.EAFNOSUPPORT)
        if (host, port) in self.taken:
            raise _error(errno.EADDRINUSE)
        if port == 0:
            self.free += 1
            port = self.free
        self.opened.append(_Socket((host, port, *more)))
        self.addCleanup(self.opened[-1].close)
        return self.opened[-1]

    def open(self, host: str, port: int, *found: Address) -> list[Any]:
        """Open them all; their addresses."""
        return [
            one.address
            for one in open_everywhere(
                "inbound in", host, port, found, self.open_one, self.warned.append
            )
        ]

    def refused(self, host: str, port: int, *found: Address) -> str:
        """Why they can't be opened; none of them is open then."""
        text = str(self.assertRaises(StartError, self.open, host, port, *found))
        self.assertEqual([one for one in self.opened if one.fileno() >= 0], [])
        return text

    def test_every_address(self) -> None:
        """A name is listened at on each of its addresses."""
        found = self.open("localhost", 80, (_V6, ("::1", 0, 0, 0)), (_V4, ("127.0.0.1", 0)))
        self.assertEqual((found, self.warned), ([("::1", 80, 0, 0), ("127.0.0.1", 80)], []))

    def test_free_port(self) -> None:
        """A free port is one that is free at all of them, and the same."""
        self.taken = {("127.0.0.1", 1001), ("127.0.0.1", 1002)}
        found = self.open("localhost", 0, (_V6, ("::1", 0, 0, 0)), (_V4, ("127.0.0.1", 0)))
        self.assertEqual(found, [("::1", 1003, 0, 0), ("127.0.0.1", 1003)])
        self.assertEqual([one.address[1] for one in self.opened if one.fileno() < 0], [1001, 1002])

    def test_no_free_port(self) -> None:
        """Where none is found in some tries that is reported."""
        self.taken = {("127.0.0.1", port) for port in range(1000, 1100)}
        said = self.refused("localhost", 0, (_V6, ("::1", 0, 0, 0)), (_V4, ("127.0.0.1", 0)))
        self.assertEqual(
            said,
            "inbound in: can't listen on localhost:0, which is 127.0.0.1 too: Address already "
            "in use",
        )

    def test_taken(self) -> None:
        """A port that is taken at one of them is reported with that one."""
        self.taken = {("127.0.0.1", 80)}
        said = self.refused("localhost", 80, (_V6, ("::1", 0, 0, 0)), (_V4, ("127.0.0.1", 0)))
        self.assertEqual(
            said,
            "inbound in: can't listen on localhost:80, which is 127.0.0.1 too: Address "
            "already in use",
        )

    def test_not_here(self) -> None:
        """An address that this machine has not got is warned of where there is another."""
        found = self.open(
            "relay",
            0,
            (_V6, ("2001:db8::1", 0, 0, 0)),
            (_V4, ("192.0.2.1", 0)),
            (_V4, ("127.0.0.1", 0)),
        )
        self.assertEqual(found, [("127.0.0.1", 1001)])
        self.assertEqual(
            self.warned,
            [
                (
                    "relay is also 2001:db8::1, where it can't listen: Address family not "
                    "supported by protocol"
                ),
                ("relay is also 192.0.2.1, where it can't listen: Cannot assign requested address"),
            ],
        )

    def test_none_here(self) -> None:
        """If there is no other, that is reported."""
        said = self.refused("relay", 80, (_V4, ("192.0.2.1", 0)))
        self.assertEqual(
            said, "inbound in: can't listen on relay:80: Cannot assign requested address"
        )
        self.assertEqual(self.warned, [])

    def test_no_sixth_version(self) -> None:
        """On a machine without IPv6 every address is every address of IPv4, and that is said."""
        self.here = {"0.0.0.0"}
        self.assertEqual(self.open("::", 80, (_V6, ("::", 0, 0, 0))), [("0.0.0.0", 80)])
        self.assertEqual(self.warned, ["this machine has no IPv6: :: is only 0.0.0.0 here"])

    def test_families(self) -> None:
        """A socket for every address takes IPv4 as well, whatever the system's default, and one for
        a single address does not.
        """
        try:
            socket.socket(socket.AF_INET6).close()
        except OSError as error:
            message = f"there is no IPv6 here: {error}"
            raise SkipTest(message) from error
        for host, alone in (("::", 0), ("::1", 1)):
            for before in (0, 1):
                with socket.socket(socket.AF_INET6) as opened:
                    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, before)
                    choose_families(opened, (host, 0, 0, 0))
                    self.assertEqual(
                        opened.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY), alone
                    )


class _Reactor(Clock):
    """A clock, and what threads tell."""

    def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
        call(*arguments)


class HostsTest(SynchronousTestCase):
    """The hosts themselves."""

    def setUp(self) -> None:
        """Know nothing yet."""
        self.reactor = _Reactor()
        self.asked: list[str] = []
        self.threads: list[Callable[[], None]] = []
        self.runs = True
        self.hosts = ListenHosts(
            Lookups(self.reactor, self.getaddrinfo, start_thread=self.start), self.reactor
        )

    def start(self, run: Callable[[], None]) -> None:
        """Run a look-up, or keep it for the test."""
        if self.runs:
            run()
        else:
            self.threads.append(run)

    def getaddrinfo(self, host: str, port: int, **_: object) -> list[Any]:
        """See socket.getaddrinfo."""
        self.asked.append(host)
        if host == "nobody":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{len(self.asked)}", port))]

    def found(self, host: str) -> list[str]:
        """The addresses of a host."""
        return [address[0] for _, address in self.hosts.find("inbound in: listen", host)]

    def test_addresses(self) -> None:
        """What is an address is not looked up, and one of IPv4 that is written as one of IPv6 is of
        IPv4.
        """
        self.assertEqual(
            [self.found(host) for host in ("::", "127.0.0.1", "::ffff:127.0.0.1")],
            [["::"], ["127.0.0.1"], ["127.0.0.1"]],
        )
        self.assertEqual(self.asked, [])

    def test_name(self) -> None:
        """A name is looked up when it is first needed."""
        self.assertEqual([self.found("relay"), self.found("relay")], [["192.0.2.1"]] * 2)
        self.assertEqual(self.asked, ["relay"])

    def test_unknown(self) -> None:
        """A name that nobody knows is reported."""
        error = self.assertRaises(StartError, self.found, "nobody")
        self.assertEqual(
            str(error), "inbound in: listen: nobody is not an address: Name or service not known"
        )

    def test_dead_at_the_start(self) -> None:
        """A start does not wait for ever for a name that has no answer."""
        self.patch(listening, "START_SECONDS", 0.01)
        go_on = threading.Event()
        self.addCleanup(go_on.set)

        def hang(*_: object, **__: object) -> list[Any]:
            go_on.wait(20)
            return []

        hosts = ListenHosts(Lookups(self.reactor, hang))
        error = self.assertRaises(StartError, hosts.find, "inbound in: listen", "dead")
        self.assertEqual(
            str(error),
            "inbound in: listen: dead is not an address: the name could not be resolved in time",
        )

    def test_no_thread(self) -> None:
        """Nor does it where no thread can be started."""

        def refuse(run: object) -> None:
            message = "can't start new thread"
            raise RuntimeError(message)

        error = self.assertRaises(
            StartError, ListenHosts(Lookups(None, start_thread=refuse)).find, "inbound in", "relay"
        )
        self.assertIn("this process may have no more threads", str(error))

    def test_learnt(self) -> None:
        """A reload looks names up again, without making anybody wait, before it needs them."""
        self.found("relay")
        self.runs = False
        learning = self.hosts.learn(
            [("inbound in: listen", "relay"), ("inbound other: listen", "::")]
        )
        self.assertNoResult(learning)
        self.threads.pop()()
        self.successResultOf(learning)
        self.assertEqual(self.found("relay"), ["192.0.2.2"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_learnt_nothing(self) -> None:
        """If there is no name nothing is waited for."""
        self.successResultOf(self.hosts.learn([]))

    def test_not_learnt(self) -> None:
        """A name without an address fails it, with whose it is; so does one that has no answer in
        time.
        """
        error = self.failureResultOf(
            self.hosts.learn([("inbound a: listen", "relay"), ("inbound b: listen", "nobody")]),
            StartError,
        ).value
        self.assertEqual(
            str(error), "inbound b: listen: nobody is not an address: Name or service not known"
        )
        self.runs = False
        learning = self.hosts.learn([("inbound in: listen", "dead")])
        self.reactor.advance(listening.START_SECONDS)
        error = self.failureResultOf(learning, StartError).value
        self.assertEqual(
            str(error),
            "inbound in: listen: dead is not an address: the name could not be resolved in time",
        )

    def test_given_up(self) -> None:
        """A stop does not wait for a reload that waits for a name."""
        self.runs = False
        self.hosts.give_up()
        learning = self.hosts.learn([("inbound in: listen", "dead")])
        self.hosts.give_up()
        self.failureResultOf(learning, StartError)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
