"""Listening on every address of a host, with one port."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import TypeVar, cast

from twisted.internet.defer import Deferred, DeferredList, FirstError
from twisted.python.failure import Failure

from pipetwist.errors import ConnectError, StartError
from pipetwist.interfaces import AnyReactor
from pipetwist.network.lookups import Address, Lookups
from pipetwist.values.addresses import SocketAddress, numeric_address, plain_host, shown_address

__all__ = ["ListenHosts", "choose_families", "is_unspecified", "open_everywhere"]

# The longest time that a start waits for the name of a host to listen on: without DNS it should
# fail, not hang.
START_SECONDS = 10.0
# A port that is free on one address may be in use on another: then another port is tried.
_TRIES = 16
_NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_EVERY_IPV4: Address = (int(socket.AF_INET), ("0.0.0.0", 0))  # noqa: S104 - only where "::" was asked for

_Opened = TypeVar("_Opened", bound=socket.socket)


class ListenHosts:
    """Finds the addresses of hosts to listen on.

    Args:
        lookups: looks names up; if None, names can only be waited for.
        clock: counts the time that a reload waits for a name; if None, `learn` is not possible.
    """

    def __init__(self, lookups: Lookups | None = None, clock: AnyReactor = None) -> None:
        self._lookups = lookups or Lookups(None)
        self._clock = clock
        self._known: dict[str, list[Address]] = {}
        self._learning: Deferred[None] | None = None

    def find(self, label: str, host: str) -> list[Address]:
        """The addresses of a host, with port 0. Blocks until a name that is not known yet is looked
        up, which only a start may do.

        Args:
            label: the key that names it, for errors.
            host: its name or address.

        Raises:
            StartError: it has no address.
        """
        numeric = numeric_address(plain_host(host), 0)
        if numeric is not None:
            return [numeric]
        if host not in self._known:
            found = self._lookups.wait(host, START_SECONDS)
            if isinstance(found, str):
                raise _no_address(label, host, found)
            self._known[host] = found
        return self._known[host]

    def knows(self, host: str) -> bool:
        """Whether `find` would not block."""
        return host in self._known or numeric_address(plain_host(host), 0) is not None

    def learn(self, wanted: Iterable[tuple[str, str]]) -> Deferred[None]:
        """Look names up, so that `find` does not block for them.

        Args:
            wanted: for each the key that names it, for errors, and the host.

        Returns:
            A Deferred that fails with `StartError` if one has no address.
        """
        finding = [
            self._learn(label, host)
            for label, host in wanted
            if numeric_address(plain_host(host), 0) is None
        ]
        learning = DeferredList(finding, fireOnOneErrback=True, consumeErrors=True).addCallbacks(
            lambda _: None, _first_error
        )
        self._learning = learning
        return learning

    def give_up(self) -> None:
        """Cancel what `learn` waits for."""
        if self._learning is not None:
            self._learning.cancel()

    def _learn(self, label: str, host: str) -> Deferred[None]:
        def known(found: list[Address]) -> None:
            self._known[host] = found

        def unknown(failure: Failure) -> None:
            failure.trap(ConnectError)
            raise _no_address(label, host, str(failure.value).removeprefix(f"{host}: "))

        return (
            self._lookups.find(host, 0)
            .addTimeout(START_SECONDS, self._clock)
            .addCallbacks(known, unknown)
        )


def open_everywhere(
    label: str,
    host: str,
    port: int,
    found: Sequence[Address],
    open_one: Callable[[int, SocketAddress], _Opened],
    warn: Callable[[str], object],
) -> list[_Opened]:
    """Open a socket on each of a host's addresses that this machine has, all with the same port.

    If the machine has no IPv6, ``::`` is every address of IPv4.

    Args:
        label: whose they are, for errors.
        host: the host as it was written, for errors.
        port: the port; 0 for one that is free at all of them.
        found: the addresses.
        open_one: opens one at an address of a family; raises OSError.
        warn: is called with a text about addresses that this machine does not have, if it has
            others of the host.

    Raises:
        StartError: the port is not free on one of them, or this machine has none of them.
    """
    for tries_left in reversed(range(_TRIES)):
        opened: list[_Opened] = []
        missing: list[tuple[str, OSError]] = []
        try:
            for family, address in found:
                here = (address[0], opened[0].getsockname()[1] if opened else port, *address[2:])
                try:
                    opened.append(open_one(family, here))
                except OSError as error:
                    if error.errno not in _NOT_HERE:
                        raise
                    missing.append((address[0], error))
        except OSError as error:
            _close(opened)
            if tries_left and port == 0 and opened and error.errno == errno.EADDRINUSE:
                continue
            where = shown_address(host, port)
            raise _cant_listen(
                label, where if len(found) == 1 else f"{where}, which is {here[0]} too", error
            ) from error
        break
    if not opened:
        if [address[0] for _, address in found] == ["::"]:
            warn("this machine has no IPv6: :: is only 0.0.0.0 here")
            return open_everywhere(label, host, port, [_EVERY_IPV4], open_one, warn)
        raise _cant_listen(label, shown_address(host, port), missing[0][1])
    for address, why in missing:
        warn(f"{host} is also {address}, where it can't listen: {why.strerror}")
    return opened


def choose_families(opened: socket.socket, address: SocketAddress) -> None:
    """Set whether a socket that is not bound yet accepts IPv4 too: it does if it is for every
    address, and accepts only IPv6 if it is for one (ipv6(7)).

    Raises:
        OSError: the system can't.
    """
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not is_unspecified(address)))


def is_unspecified(address: SocketAddress) -> bool:
    """Whether this address means every address of the machine."""
    return ip_address(address[0].partition("%")[0]).is_unspecified


def _close(opened: Iterable[socket.socket]) -> None:
    for one in opened:
        one.close()


def _cant_listen(label: str, where: str, error: OSError) -> StartError:
    reason = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
    return StartError(f"{label}: can't listen on {where}: {reason}")


def _no_address(label: str, host: str, reason: str) -> StartError:
    return StartError(f"{label}: {host} is not an address: {reason}")


def _first_error(failure: Failure) -> Failure:
    return cast("FirstError", failure.value).subFailure
