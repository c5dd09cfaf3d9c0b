"""The outbound ``unix``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pipetwist.outbounds.options import OutboundOptions
from pipetwist.values import UnixPath

__all__ = ["UnixOutbound", "UnixOutboundOptions"]


@dataclass(frozen=True, kw_only=True)
class UnixOutboundOptions(OutboundOptions):
    """An outbound to a unix domain socket."""

    type: Literal["unix"] = "unix"
    """Always ``unix``."""
    path: UnixPath
    """The socket's path; ``@name`` is abstract, ``@@name`` abstract and padded to 108 bytes."""


class UnixOutbound:
    """Stand-in until the next step."""

    Options: ClassVar[type[OutboundOptions]] = UnixOutboundOptions
