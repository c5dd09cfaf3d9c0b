"""Finds what a platform lacks; the only module that checks the platform."""

from __future__ import annotations

from collections.abc import Iterator

from pipetwist.config.problems import Problem, every
from pipetwist.config.sections import entries

__all__ = ["unsupported"]


def unsupported(raw: object, platform: str) -> Iterator[Problem]:
    """Find what a platform lacks, in a document as it was written.

    Args:
        raw: the document.
        platform: its name, as in ``sys.platform``.
    """
    for entry in entries(raw):
        for key, text in entry.kind.Options.lacking(entry.written, platform):
            yield Problem((*entry.key_path, key), text)
    if platform != "linux":
        yield from _control(raw)
    if platform == "win32":
        yield from _unix_sockets(raw)
        yield from _counter_files(raw)


def _control(raw: object) -> Iterator[Problem]:
    for key_path, listen in every(raw, "control", "listen"):
        if listen is not None:
            yield Problem(
                key_path, "only Linux says who calls the control service; leave the key out"
            )


def _unix_sockets(raw: object) -> Iterator[Problem]:
    for key_path, listen in every(raw, "experimental", "v2ray_api", "listen"):
        if isinstance(listen, str) and listen.startswith("unix:"):
            yield Problem(
                key_path,
                "Windows has no unix sockets; listen on a TCP port, such as 127.0.0.1:10085",
            )


def _counter_files(raw: object) -> Iterator[Problem]:
    """They are locked with flock(2)."""
    for key_path, store in every(raw, "experimental", "v2ray_api", "stats", "store"):
        if store is not None:
            yield Problem(
                key_path, "on Windows counters can't be kept in a file; leave the key out"
            )
