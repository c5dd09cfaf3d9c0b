"""The keys of inbounds on unix sockets, for streams and for datagrams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pipetwist.accounts import Account
from pipetwist.kinds.folders import require_folder
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.unix_options import UnixKindOptions
from pipetwist.values import Id, Mode, Owner, UnixPath, UserName, is_abstract, quote

__all__ = ["PeerUserOptions", "UnixSocketOptions"]

_OF_OTHERS = 0o066


@dataclass(frozen=True, kw_only=True)
class PeerUserOptions:
    """Who a peer is, by what the kernel says of it."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    name: UserName
    """The user's name."""
    uid: Id | None = None
    """The number of the system's user that the peer runs as."""
    gid: Id | None = None
    """The number of a group of the system's that the peer is in: its primary one, or another."""

    def __post_init__(self) -> None:
        """Refuse an entry that can't match anybody."""
        if self.uid is None and self.gid is None:
            message = "a user of a unix inbound needs a uid or a gid"
            raise ValueError(message)


@dataclass(frozen=True, kw_only=True)
class UnixSocketOptions(UnixKindOptions, InboundOptions):
    """The keys of the socket, and who may use it."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    address_key = "path"

    path: UnixPath
    """The socket's path; ``@name`` is abstract, ``@@name`` abstract and padded to 108 bytes."""
    mode: Mode = 0o600
    """The socket's file mode. ``"0600"`` where absent."""
    owner: Owner | None = None
    """The name or number of the user that owns the socket."""
    group: Owner | None = None
    """The name or number of the group that owns the socket."""
    users: tuple[PeerUserOptions, ...] = ()
    """Who may come in: the first match by uid, then by gid. Without it everybody may, as no
    user.
    """

    @property
    def accounts(self) -> Sequence[Account]:
        named: tuple[tuple[Literal["user", "group"], str | int | None], ...] = (
            ("user", self.owner),
            ("group", self.group),
        )
        return [(kind, name) for kind, name in named if isinstance(name, str)]

    @property
    def is_open_to_others(self) -> bool:
        return bool(self.mode & _OF_OTHERS)

    def notes(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        first: dict[int, int] = {}
        for index, user in enumerate(self.users):
            if user.uid is not None and (before := first.setdefault(user.uid, index)) != index:
                name = quote(self.users[before].name)
                text = f"users[{before}], {name}, has this uid already, and is who such a client is"
                yield ("users", index, "uid"), text
        yield from super().notes()

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        if platform not in ("linux", "win32") and written.get("users"):
            # SO_PEERCRED is Linux's alone, unix(7).
            yield (
                "users",
                (
                    "only Linux tells who a peer is; leave the key out, and let the socket's mode "
                    "decide"
                ),
            )
        yield from super().lacking(written, platform)

    def check_here(self) -> None:
        if not is_abstract(self.path):
            require_folder(self.label, self.path)
        super().check_here()
