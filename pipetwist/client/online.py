"""Who is online, by the calls of Xray's that the server has."""

from __future__ import annotations

from pipetwist.client.calls import StatsCalls, UnsupportedError
from pipetwist.client.counters import Selection, read_counters
from pipetwist.stats.online import online_name, online_user

__all__ = ["listed_sources", "read_online", "source_count"]

Online = dict[str, dict[str, int] | int]
"""For each user who is online the sources, each with the time when it was last seen, in seconds
since 1970; or only their number, if the server says no more.
"""


def read_online(calls: StatsCalls) -> Online:
    """Ask who is online, with one call if the server has it.

    Older versions of Xray lack GetUsersStats, and still older ones GetAllOnlineUsers; then each
    user with a counter is asked for by name. The first version that knew who is online (24.11) says
    only the number of sources.

    Raises:
        UnsupportedError: the server does not know who is online.
        ServerError: there is no answer.
    """
    try:
        return {
            user.email: {source.ip: source.last_seen for source in user.ips}
            for user in calls.get_users_stats().users
        }
    except UnsupportedError:
        pass
    try:
        names = calls.get_all_online_users()
    except UnsupportedError:
        names = [online_name(user) for user in _counted_users(calls)]
    try:
        return _sources(calls, names)
    except UnsupportedError:
        pass
    try:
        return _counts(calls, names)
    except UnsupportedError:
        message = (
            "this server can't list who is online: V2Ray and sing-box can't; pipetwist and newer "
            "versions of Xray can"
        )
        raise UnsupportedError(message) from None


def source_count(sources: dict[str, int] | int) -> int:
    """How many sources a user has."""
    return sources if isinstance(sources, int) else len(sources)


def listed_sources(sources: dict[str, int] | int) -> list[tuple[str, int]]:
    """A user's sources by name, each with the time when it was last seen; or their number, and 0,
    if no more is known.
    """
    if isinstance(sources, int):
        return [(f"{sources} source" if sources == 1 else f"{sources} sources", 0)]
    return sorted(sources.items())


def _sources(calls: StatsCalls, names: list[str]) -> Online:
    # To find out whether the server has the call, even if there are no users.
    calls.get_stats_online_ip_list(online_name(""))
    found: Online = {}
    for name in names:
        sources = calls.get_stats_online_ip_list(name)
        if sources:
            found[online_user(name) or name] = sources
    return found


def _counts(calls: StatsCalls, names: list[str]) -> Online:
    # To find out whether the server has the call, even if there are no users.
    calls.get_stats_online(online_name(""))
    counts = {online_user(name) or name: calls.get_stats_online(name) for name in names}
    return {user: count for user, count in counts.items() if count}


def _counted_users(calls: StatsCalls) -> list[str]:
    names = (name.split(">>>") for name in read_counters(calls, Selection(["user>>>"])))
    return list(
        dict.fromkeys(parts[1] for parts in names if parts[0] == "user" and len(parts) == 4)
    )
