"""How many file descriptors each inbound may use, so that the clients of one inbound, however many,
can't use up those of the others.

Some are reserved for the rest of the daemon. One half of the others is divided equally: each
inbound has its guaranteed part. The other half is shared: first come, first served. How many a
connection needs is known from its ends; its inbound's gate counts them while it is open, and the
system is not asked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.logger import Logger

__all__ = ["RESERVED_FOR_MONITORING", "DescriptorShares", "Share", "descriptor_limit"]

_KEPT = 64
RESERVED_FOR_MONITORING = {"experimental.v2ray_api": 18, "control": 9, "metrics": 6}
"""The reserved descriptors that the clients of the API, the control service and the metrics may
use. The daemon itself uses 29 during a reload, and 10 more with a control service.
"""


def descriptor_limit() -> int:
    """How many descriptors this process may have; ``sys.maxsize`` if there is no limit."""
    try:
        import resource  # there is none on Windows

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except (ImportError, OSError):
        return sys.maxsize
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit


class _Flow:
    """The connections from an inbound to an outbound."""

    __slots__ = ("cost", "open")

    def __init__(self, cost: int) -> None:
        self.cost = cost
        self.open = 0


class Share:
    """What one inbound may use, and uses; or the API, or the metrics.

    Args:
        tag: the inbound's.
        shares: all of them.
    """

    __slots__ = tuple("_calm _flows _shares _told client coming entering sure tag used".split())  # noqa: SIM905 - a list of them has a line for each

    def __init__(self, tag: str, shares: DescriptorShares) -> None:
        self.tag = tag
        self.used = 0
        """Descriptors of its connections."""
        self.sure = 0
        """Descriptors that are guaranteed to it."""
        self.entering = 0
        """Descriptors of clients that are not connections yet, as in a TLS handshake, those that
        their connections will need, and those that wait until they are passed on."""
        self.coming = 0
        """How many clients are not connections yet."""
        self.client = 1
        """Descriptors of a client's side."""
        self._shares = shares
        self._flows: dict[str, _Flow] = {}
        self._told = False
        self._calm = 0  # descriptors that were released since there was no room

    def __repr__(self) -> str:
        return f"<Share {self.tag}: {self.used} used, {self.sure} sure>"

    @property
    def borrowed(self) -> int:
        """Shared descriptors that it uses."""
        return max(0, self.used - self.sure)

    @property
    def bound(self) -> int:
        """How many it may use at once: the guaranteed ones, and the shared ones that others do not
        use.
        """
        shares = self._shares
        return self.sure + max(0, shares.common - shares.borrowed + self.borrowed)

    @property
    def room(self) -> int:
        """How many more connections there is room for, whichever outbounds they go to."""
        return max(0, self.bound - self.used) // (self.client + self._shares.maximum)

    def enter(self) -> int:
        """A client begins to enter, and is not a connection yet.

        Returns:
            How many descriptors are kept for it, to be passed to `entered`.
        """
        kept = self.client + self._shares.maximum
        self.entering += kept
        self.coming += 1
        self.take(kept)
        return kept

    def entered(self, kept: int) -> None:
        """That client has become a connection, or has gone."""
        self.coming -= 1
        self.returned(kept)

    def lend(self, count: int) -> bool:
        """Count descriptors as used that a client has passed; False if there are not so many."""
        if free := self.used + count <= self.bound:
            self.entering += count
            self.take(count)
        return free

    def returned(self, count: int) -> None:
        """Count those as used no more."""
        self.entering -= count
        self.give(count)

    def opened(self, outbound: str) -> None:
        """A connection to the outbound with this tag has opened."""
        flow = self._flows.get(outbound)
        if flow is None:
            flow = self._flows[outbound] = _Flow(self.client + self._shares.server(outbound))
        flow.open += 1
        self.take(flow.cost)

    def closed(self, outbound: str) -> None:
        """One has closed."""
        flow = self._flows[outbound]
        flow.open -= 1
        self.give(flow.cost)

    def divided(self, sure: int, servers: Mapping[str, int] | None) -> None:
        """Count what it uses again, after a change of the configuration.

        Args:
            sure: the descriptors that are guaranteed to it.
            servers: for each outbound's tag the descriptors of a server's side; None if the inbound
                has been removed.
        """
        self.sure = sure
        self._flows = {
            outbound: flow
            for outbound, flow in self._flows.items()
            if flow.open or (servers is not None and outbound in servers)
        }
        for outbound, flow in self._flows.items():
            flow.cost = self.client + self._shares.server(outbound, flow.cost - self.client)
        self.used = self.entering + sum(flow.open * flow.cost for flow in self._flows.values())

    def take(self, count: int) -> None:
        """Count descriptors as used."""
        before = self.used
        after = self.used = before + count
        if after > self.sure:
            self._shares.borrowed += after - max(before, self.sure)

    def give(self, count: int) -> None:
        """Count descriptors as released, and wake those who wait for room."""
        before = self.used
        self.used = before - count
        if before > self.sure:
            self._shares.borrowed -= before - max(self.used, self.sure)
        if self._told:
            self._calm += count
            if self._calm > self.sure + self._shares.common and self.used <= self.sure // 2:
                self._told = False
        if self._shares.waiting:
            self._shares.wake()

    def tell(self, what: str) -> None:
        """Log that there is no room. It is logged once, and again only after as many descriptors as
        there are were released without that.

        Args:
            what: what happens to new clients.
        """
        self._calm = 0
        if not self._told:
            self._told = True
            self._shares.log.warn(
                "inbound {tag}: its connections use {used} file descriptors, and the others "
                "are reserved: a new client {what}; "
                "ulimit -n, or LimitNOFILE= of systemd, sets how many there are",
                tag=self.tag,
                used=self.used,
                what=what,
            )


class _Room(Protocol):
    """What waits for room."""

    @property
    def room(self) -> int:
        """How much there is."""


class DescriptorShares:
    """The shares of all inbounds. Until `divide` is called all descriptors are shared.

    Args:
        limit: how many descriptors the process may have.
        log: gets a warning when an inbound has reached its limit.
    """

    def __init__(self, limit: int = sys.maxsize, log: Logger | None = None) -> None:
        self.limit = limit
        self.log = log or Logger()
        self.maximum = 1
        """Descriptors of the server's side that needs most."""
        self.common = limit
        """Shared descriptors."""
        self.borrowed = 0
        """How many of those are in use."""
        self.waiting: dict[Callable[[], None], _Room] = {}
        """The functions that are called once there is room in a share."""
        self._shares: dict[str, Share] = {}
        self._monitoring: dict[str, Share] = {}
        self._servers: Mapping[str, int] = {}

    def __repr__(self) -> str:
        return (
            f"<DescriptorShares of {self.limit}: {self.borrowed} of {self.common} borrowed, "
            f"{list(self._shares.values())}>"
        )

    def share(self, tag: str) -> Share:
        """The share of an inbound."""
        share = self._shares.get(tag)
        if share is None:
            share = self._shares[tag] = Share(tag, self)
        return share

    def server(self, outbound: str, otherwise: int = 1) -> int:
        """Descriptors of the server's side of the outbound with this tag; ``otherwise`` if it is
        not known.
        """
        return self._servers.get(outbound, otherwise)

    def monitoring(self, label: str) -> Share:
        """The share of the API or the metrics: the descriptors that are reserved for it, and no
        others.

        Args:
            label: the listener, one of `RESERVED_FOR_MONITORING`.
        """
        share = self._monitoring.get(label)
        if share is None:
            share = self._monitoring[label] = Share(label, self)
            share.sure = RESERVED_FOR_MONITORING[label]
        return share

    def divide(
        self, clients: Mapping[str, int], servers: Mapping[str, int], reserved: int = 0
    ) -> None:
        """Divide the descriptors among inbounds. Inbounds that are not listed any more have none
        guaranteed.

        Args:
            clients: for each inbound's tag the descriptors of a client's side.
            servers: for each outbound's tag the descriptors of a server's side.
            reserved: descriptors to reserve besides the usual ones.
        """
        self._servers = servers
        self.maximum = max(servers.values(), default=1)
        # However low the limit is, each may have one connection.
        minimum = sum(client + self.maximum for client in clients.values())
        rest = max(self.limit - _KEPT - reserved, 2 * minimum)
        sure = rest // 2 // max(1, len(clients))
        self.common = rest - sure * len(clients)
        for tag, client in clients.items():
            self.share(tag).client = client
        for tag, share in self._shares.items():
            share.divided(sure if tag in clients else 0, servers if tag in clients else None)
        self.borrowed = sum(
            share.borrowed for share in (*self._shares.values(), *self._monitoring.values())
        )
        self.wake()

    def wait(self, resume: Callable[[], None], whose: _Room) -> None:
        """Call a function once there may be room."""
        self.waiting[resume] = whose

    def forget(self, resume: Callable[[], None]) -> None:
        """Do not call this function any more."""
        self.waiting.pop(resume, None)

    def wake(self) -> None:
        """Call the functions of those for whom there is room now."""
        for resume in [resume for resume, whose in self.waiting.items() if whose.room]:
            del self.waiting[resume]
            resume()
