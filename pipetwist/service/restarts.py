"""Which keys a reload can't change: those need a restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from pipetwist.config.document import Document
from pipetwist.values.tls_options import TlsListenerOptions

__all__ = ["needs_restart"]

_STATS = "experimental.v2ray_api.stats"
# Not whether there is TLS.
_TLS = [key.name for key in fields(TlsListenerOptions) if key.name != "enabled"]
_CHANGEABLE = {
    "log.level",
    "inbounds",
    "outbounds",
    "users",
    "users_file",
    "watch",
    "removed_grace",
    "default_limits",
    "timezone",
    "route.rules",
    "route.final",
    "transfer",
    "drain_timeout",
    *(f"{_STATS}.{key}" for key in ("enabled", "inbounds", "outbounds", "users")),
    *(
        f"{key_path}.tls.{key}"
        for key_path in ("experimental.v2ray_api", "control", "metrics")
        for key in _TLS
    ),
}


def needs_restart(started: Document, wanted: Document) -> list[str]:
    """The keys whose change needs a restart."""
    return list(_differences(started, wanted))


def _differences(before: object, after: object, key_path: str = "") -> Iterator[str]:
    # Values that may change are not compared, since there may be many users.
    if key_path in _CHANGEABLE:
        return
    if is_dataclass(before) and type(before) is type(after):
        for key in fields(before):
            yield from _differences(
                getattr(before, key.name),
                getattr(after, key.name),
                f"{key_path}.{key.name}".lstrip("."),
            )
    elif before != after:
        yield key_path
