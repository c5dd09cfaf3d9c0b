"""Checks that what users have used of their quotas is kept, in a document as it was written."""

from __future__ import annotations

from collections.abc import Iterator

from pipetwist.config.problems import Problem, every

__all__ = ["quotas_not_kept"]

_LIMITS = (
    ("default_limits", "quota"),
    ("users", ..., "limits", "quota"),
    ("inbounds", ..., "users", ..., "limits", "quota"),
)
_STORE = ("experimental", "v2ray_api", "stats", "store")


def quotas_not_kept(raw: object) -> Iterator[Problem]:
    """Find the quotas of a document that names no file for what is used."""
    if any(store is not None for _, store in every(raw, *_STORE)):
        return
    for steps in _LIMITS:
        for key_path, quotas in every(raw, *steps):
            if quotas:
                yield Problem(
                    key_path,
                    f"a quota needs a file that keeps what is used; name one in {'.'.join(_STORE)}",
                )
