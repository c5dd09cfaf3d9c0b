"""Looks names up. A name whose DNS server does not answer delays only those who need that name."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from functools import partial
from queue import Empty, Queue
from typing import TypeAlias

from twisted.internet.defer import Deferred, succeed

from pipetwist.errors import ConnectError, NameTimeoutError
from pipetwist.interfaces import AnyReactor
from pipetwist.network.threads import UnawaitedThreads
from pipetwist.network.threads import start_thread as start_own_thread
from pipetwist.values.addresses import SocketAddress, numeric_address

__all__ = ["Address", "Lookups", "look_up"]

Address: TypeAlias = tuple[int, SocketAddress]
"""A family, and a socket address of it."""
GetAddressInfo: TypeAlias = Callable[..., Iterable[tuple[int, int, int, str, SocketAddress]]]
"""What is called as ``socket.getaddrinfo`` is."""
_Waits: TypeAlias = "dict[Deferred[list[Address]], None]"

# Look-ups at once, each in a thread. A name without an answer occupies one of them until the system
# gives up.
MAX_THREADS = 128
_IN_TIME = "the name could not be resolved in time"
_NO_THREAD = "the name can't be looked up: this process may have no more threads"


class Lookups:
    """Looks names up like the system, /etc/hosts included.

    Of each name there is one look-up at a time, however many wait for it, and one name does not
    keep others from being looked up. A caller that cancels does not wait any longer; the look-up
    continues, since nothing can end it, and its result goes to everybody who asks for the name
    meanwhile.

    Args:
        reactor: the reactor, in whose thread results arrive.
        getaddrinfo: looks up; None for ``socket.getaddrinfo``.
        maximum: how many names at once. Others wait, the oldest first.
        start_thread: calls a function in a thread that nothing ever waits for; raises RuntimeError
            if there can be none.
    """

    def __init__(
        self,
        reactor: AnyReactor,
        getaddrinfo: GetAddressInfo | None = None,
        *,
        maximum: int = MAX_THREADS,
        start_thread: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._reactor = reactor
        self._getaddrinfo = getaddrinfo or socket.getaddrinfo
        self._maximum = maximum
        # A program may fork before it runs, and loses all threads but one: each call starts its own
        # thread.
        self._start_own = start_thread or start_own_thread
        self._start_thread = start_thread or UnawaitedThreads().start
        self._running: dict[str, _Waits] = {}
        self._waiting: dict[str, _Waits] = {}
        self.ended = 0
        """How many look-ups have ended."""
        self._last_end: dict[
            str, int
        ] = {}  # for each name, the value of `ended` at the end of its last look-up

    def __repr__(self) -> str:
        return f"<Lookups running={list(self._running)} waiting={list(self._waiting)}>"

    def find(self, host: str, port: int) -> Deferred[list[Address]]:
        """Find the addresses of a host, in the order in which they should be tried.

        Args:
            host: its name, or its address. An address is not looked up unless it names an interface
                (``fe80::1%eth0``).
            port: the port for each address.

        Returns:
            A Deferred of at least one address. It fails with `ConnectError`, or with
            `NameTimeoutError` if it is cancelled.
        """
        numeric = numeric_address(host, port)
        if numeric is not None:
            return succeed([numeric])
        waits = self._running.get(host)
        if waits is None:
            waits = self._waiting.setdefault(host, {})
        waiter: Deferred[list[Address]] = Deferred(lambda waiter: self._gone(host, waiter))
        waits[waiter] = None
        self._start_more()
        return waiter.addCallback(
            lambda found: [(family, (address[0], port, *address[2:])) for family, address in found]
        )

    def wait(self, host: str, seconds: float) -> list[Address] | str:
        """Find the addresses of a host, with port 0, and block until they are found, for a program
        that can do nothing before.

        Args:
            host: its name.
            seconds: how long to wait.

        Returns:
            The addresses, or why there are none.
        """
        answers: Queue[list[Address] | str] = Queue()
        try:
            self._start_own(lambda: answers.put(look_up(host, self._getaddrinfo)))
            return answers.get(timeout=seconds)
        except Empty:
            return _IN_TIME
        except RuntimeError:
            return _NO_THREAD

    def late_name(self, hosts: Iterable[str], since: int) -> NameTimeoutError | None:
        """The name whose look-up a connection attempt is still waiting for, as an error for people;
        None if it waits for none.

        Args:
            hosts: the possible names.
            since: the value of `ended` when the attempt began: it does not wait for a name whose
                look-up has ended since.
        """
        for host in hosts:
            if (host in self._running or host in self._waiting) and self._last_end.get(
                host, 0
            ) <= since:
                return _late(host)
        return None

    def _gone(self, host: str, waiter: Deferred[list[Address]]) -> None:
        for waits in (self._running, self._waiting):
            waits.get(host, {}).pop(waiter, None)
        if not self._waiting.get(host, True):
            del self._waiting[host]
        waiter.errback(_late(host))

    def _start_more(self) -> None:
        while self._waiting and len(self._running) < self._maximum:
            host = next(iter(self._waiting))
            self._running[host] = self._waiting.pop(host)
            try:
                self._start_thread(partial(self._look_up, host))
            except RuntimeError:  # this process may not have more threads
                self._found(host, _NO_THREAD)

    def _look_up(self, host: str) -> None:
        """Runs in a thread."""
        self._reactor.callFromThread(self._found, host, look_up(host, self._getaddrinfo))

    def _found(self, host: str, outcome: list[Address] | str) -> None:
        waits = self._running.pop(host)
        self.ended += 1
        self._last_end[host] = self.ended
        self._start_more()
        for waiter in waits:
            if isinstance(outcome, str):
                waiter.errback(ConnectError(f"{host}: {outcome}"))
            else:
                waiter.callback(outcome)


def _late(host: str) -> NameTimeoutError:
    return NameTimeoutError(f"{host}: {_IN_TIME}")


def look_up(host: str, getaddrinfo: GetAddressInfo = socket.getaddrinfo) -> list[Address] | str:
    """Find the addresses of a host, and block as long as that takes.

    Args:
        host: its name.
        getaddrinfo: looks up.

    Returns:
        The addresses, with port 0, or why there are none.
    """
    try:
        # The addresses for streams and datagrams are the same, so one kind is enough.
        found = getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except OSError as error:
        return error.strerror or str(error)
    except UnicodeError:
        # The encoding of names raises it for an empty label, or for one that is too long (RFC 3490)
        return "this can't be the name of a host"
    addresses = [(int(family), address) for family, _, _, _, address in found]
    return list(dict.fromkeys(addresses)) or "the name has no address"
