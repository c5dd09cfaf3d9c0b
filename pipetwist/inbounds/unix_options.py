"""The keys of inbounds on unix sockets, for streams and for datagrams."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pipetwist.accounts import Account
from pipetwist.kinds.folders import require_folder
from pipetwist.kinds.unix_options import UnixKindOptions
from pipetwist.kinds.user_options import AskingOptions, UserOptions
from pipetwist.values import Mode, Owner, UnixPath, is_abstract, quote

__all__ = ["UnixSocketOptions"]

_OF_OTHERS = 0o066


@dataclass(frozen=True, kw_only=True)
class UnixSocketOptions(UnixKindOptions, AskingOptions):
    """The keys of the socket, and who may use it."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    address_key = "path"
    users_known_by: ClassVar[Collection[str]] = ("uid", "gid", "source")

    path: UnixPath
    """The socket's path; ``@name`` is abstract, ``@@name`` abstract and padded to 108 bytes."""
    mode: Mode = 0o600
    """The socket's file mode. ``"0600"`` where absent."""
    owner: Owner | None = None
    """The name or number of the user that owns the socket."""
    group: Owner | None = None
    """The name or number of the group that owns the socket."""

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
        first: dict[int, tuple[int, str]] = {}
        for index, user in enumerate(self.users or ()):
            if not isinstance(user, UserOptions) or user.uid is None:
                continue
            if user.uid in first:
                before, name = first[user.uid]
                text = (
                    f"users[{before}], {quote(name)}, has this uid already, and is who such a "
                    "client is"
                )
                yield ("users", index, "uid"), text
            elif user.source is None:
                first[user.uid] = index, user.name
        yield from super().notes()

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        if platform not in ("linux", "win32") and written.get("users") is not None:
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
