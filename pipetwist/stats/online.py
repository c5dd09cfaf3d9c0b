"""Which users have an open connection now, and from where. For Xray's online calls."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

__all__ = ["OnlineUsers"]


class OnlineUsers:
    """Counts each user's open connections by their source.

    Connections open and close in the reactor's thread; the API asks from others. A user who was seen stays known, with no source, after the
    last connection has closed.

    Args:
        now: the time in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = Lock()
        self._open: dict[str, dict[str, int]] = {}
        self._last_seen: dict[str, dict[str, int]] = {}

    def opened(self, user: str, source: str) -> None:
        """A connection of this user from this source is open."""
        with self._lock:
            sources = self._open.setdefault(user, {})
            sources[source] = sources.get(source, 0) + 1
            self._last_seen.setdefault(user, {})[source] = int(self._now())

    def closed(self, user: str, source: str) -> None:
        """One of this user's connections from this source has closed."""
        with self._lock:
            sources = self._open[user]
            sources[source] -= 1
            if not sources[source]:
                del sources[source]
                del self._last_seen[user][source]

    def users(self) -> list[str]:
        """The users with an open connection, by name."""
        with self._lock:
            return sorted(user for user, sources in self._open.items() if sources)

    def sources(self, user: str) -> dict[str, int] | None:
        """Where a user is connected from now.

        Returns:
            For each source when a connection from it was last opened, in whole seconds since the epoch; None for a user never seen.
        """
        with self._lock:
            if user not in self._open:
                return None
            return dict(self._last_seen[user])
