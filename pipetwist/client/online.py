"""Who is online, from whichever of Xray's calls the server has."""

from __future__ import annotations

from pipetwist.client.calls import StatsCalls, UnsupportedError
from pipetwist.client.counters import Selection, read_counters
from pipetwist.stats.online import online_name, online_user

__all__ = ["read_online"]

Online = dict[str, dict[str, int]]
"""For each user who is online the sources, each with the time that it was last seen at, in seconds since 1970."""


def read_online(calls: StatsCalls) -> Online:
    """Ask who is online, with one call where the server has it.

    Older Xrays lack GetUsersStats, still older ones GetAllOnlineUsers, so that each user who has a counter is asked for by name.

    Raises:
        UnsupportedError: the server does not know who is online.
        ServerError: there is no answer.
    """
    try:
        return {user.email: {source.ip: source.last_seen for source in user.ips} for user in calls.get_users_stats().users}
    except UnsupportedError:
        pass
    try:
        names = calls.get_all_online_users()
    except UnsupportedError:
        names = [online_name(user) for user in _counted_users(calls)]
    try:
        return _sources(calls, names)
    except UnsupportedError:
        message = "this server does not tell who is online: V2Ray and sing-box don't; pipetwist does, and so do newer Xrays"
        raise UnsupportedError(message) from None


def _sources(calls: StatsCalls, names: list[str]) -> Online:
    calls.get_stats_online_ip_list(online_name(""))  # whether the server has the call, though there be no users
    found: Online = {}
    for name in names:
        sources = calls.get_stats_online_ip_list(name)
        if sources:
            found[online_user(name) or name] = sources
    return found


def _counted_users(calls: StatsCalls) -> list[str]:
    names = (name.split(">>>") for name in read_counters(calls, Selection(["user>>>"])))
    return list(dict.fromkeys(parts[1] for parts in names if parts[0] == "user" and len(parts) == 4))
