"""The inbound ``unix``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pipetwist.inbounds.options import InboundOptions
from pipetwist.values import Id, Mode, Owner, UnixPath, UserName

__all__ = ["PeerUserOptions", "UnixInbound", "UnixInboundOptions"]


@dataclass(frozen=True, kw_only=True)
class PeerUserOptions:
    """Who a peer is, by what the kernel says of it."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "use_attribute_docstrings": True}

    name: UserName
    """The user's name."""
    uid: Id | None = None
    """The number of the system's user that the peer runs as."""
    gid: Id | None = None
    """The number of the system's group that the peer runs as."""

    def __post_init__(self) -> None:
        """Refuse an entry that could match nobody."""
        if self.uid is None and self.gid is None:
            message = "a user of a unix inbound needs a uid or a gid"
            raise ValueError(message)


@dataclass(frozen=True, kw_only=True)
class UnixInboundOptions(InboundOptions):
    """An inbound on a unix domain socket."""

    type: Literal["unix"] = "unix"
    """Always ``unix``."""
    path: UnixPath
    """The socket's path; ``@name`` is abstract, ``@@name`` abstract and padded to 108 bytes."""
    mode: Mode = 0o600
    """The socket's file mode. ``"0600"`` where absent."""
    owner: Owner | None = None
    """The name or number of the user that owns the socket."""
    group: Owner | None = None
    """The name or number of the group that owns the socket."""
    users: tuple[PeerUserOptions, ...] = ()
    """Who may connect: the first match by uid, then by gid. Without it everybody may, as no user."""


class UnixInbound:
    """Stand-in until the next step."""

    Options: ClassVar[type[InboundOptions]] = UnixInboundOptions
