"""Which users have an open connection now, and from where. For Xray's online calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

__all__ = ["OnlineUsers", "online_name", "online_user"]

_PREFIX = "user>>>"
_SUFFIX = ">>>online"


def online_name(user: str) -> str:
    """The name of a user's sources in Xray's online calls, for instance
    ``user>>>alice>>>online``.
    """
    return f"{_PREFIX}{user}{_SUFFIX}"


def online_user(name: str) -> str | None:
    """The user of such a name, or None if it is not such a name."""
    user = name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    return user if online_name(user) == name else None


@dataclass
class _Source:
    last_seen: int
    connections: int = 0


class OnlineUsers:
    """Counts each user's open connections by their source.

    Connections open and close in the reactor's thread; the API reads in other threads. A user who
    was seen stays known, without sources, after the last connection has closed.

    Args:
        now: the time in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = Lock()
        self._sources: dict[str, dict[str, _Source]] = {}

    def opened(self, user: str, source: str) -> None:
        """A connection of this user from this source is open."""
        now = int(self._now())
        with self._lock:
            seen = self._sources.setdefault(user, {}).setdefault(source, _Source(now))
            seen.connections += 1
            seen.last_seen = now

    def closed(self, user: str, source: str) -> None:
        """One of this user's connections from this source has closed.

        Raises:
            KeyError: none is open.
        """
        with self._lock:
            sources = self._sources[user]
            sources[source].connections -= 1
            if not sources[source].connections:
                del sources[source]

    def online(self) -> dict[str, dict[str, int]]:
        """The users with an open connection, by name, each with their `sources`, all at one
        moment.
        """
        with self._lock:
            return {
                user: _seen(sources) for user, sources in sorted(self._sources.items()) if sources
            }

    def sources(self, user: str) -> dict[str, int] | None:
        """Where a user is connected from now.

        Returns:
            For each source when a connection from it was last opened, in whole seconds since the
            epoch; None for a user never seen.
        """
        with self._lock:
            sources = self._sources.get(user)
            return None if sources is None else _seen(sources)


def _seen(sources: dict[str, _Source]) -> dict[str, int]:
    return {source: seen.last_seen for source, seen in sources.items()}
