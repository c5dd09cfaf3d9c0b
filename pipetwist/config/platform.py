"""What a platform lacks: the one place that asks what pipetwist runs on."""

from __future__ import annotations

from collections.abc import Iterator

from pipetwist.config.problems import Problem, every
from pipetwist.values import is_abstract

__all__ = ["unsupported"]


def unsupported(raw: object, platform: str) -> Iterator[Problem]:
    """Find what a platform has not, in a document as it was written.

    Args:
        raw: the document.
        platform: its name, as in ``sys.platform``.
    """
    if platform == "win32":
        yield from _unix_sockets(raw)
        yield from _counter_files(raw)
    elif platform != "linux":
        yield from _linux_sockets(raw)


def _unix_sockets(raw: object) -> Iterator[Problem]:
    for section in ("inbounds", "outbounds"):
        for place, type_ in every(raw, section, ..., "type"):
            if type_ in ("unix", "unixgram"):
                yield Problem(place, "Windows has no unix sockets; use the type tcp or endpoint")
    for place, listen in every(raw, "experimental", "v2ray_api", "listen"):
        if isinstance(listen, str) and listen.startswith("unix:"):
            yield Problem(place, "Windows has no unix sockets; listen on a TCP port, such as 127.0.0.1:10085")


def _counter_files(raw: object) -> Iterator[Problem]:
    """They are locked with flock(2)."""
    for place, store in every(raw, "experimental", "v2ray_api", "stats", "store"):
        if store is not None:
            yield Problem(place, "on Windows counters can't be kept in a file; leave the key out")


def _linux_sockets(raw: object) -> Iterator[Problem]:
    """Abstract names and SO_PEERCRED are Linux's alone, unix(7)."""
    for section in ("inbounds", "outbounds"):
        for place, path in every(raw, section, ..., "path"):
            if isinstance(path, str) and is_abstract(path):
                yield Problem(place, "only Linux has abstract names; write a path")
    for place, type_ in every(raw, "outbounds", ..., "type"):
        if type_ == "unixgram":
            yield Problem(place, "only Linux gives a socket a name that answers can go to without a file; use the type udp")
    for place, options in every(raw, "inbounds", ...):
        if isinstance(options, dict) and options.get("type") in ("unix", "unixgram") and options.get("users"):
            yield Problem((*place, "users"), "only Linux tells who a peer is; leave the key out, and let the socket's mode decide")
