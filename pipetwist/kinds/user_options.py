"""A user of the configuration, and who may come in at an inbound."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.limit_options import UserLimitOptions
from pipetwist.values import Id, NotEmpty, Text, UserName, quote
from pipetwist.values.networks import IpNetwork
from pipetwist.values.san import SubjectAltName
from pipetwist.values.text_or import AllOf, TextOr

__all__ = ["CERTIFICATE_KEYS", "AskingOptions", "InboundUsers", "UserOptions", "UsersFile"]

CERTIFICATE_KEYS = ("certificate_name", "certificate_san")
"""The keys of a user that a certificate is needed for."""
_SUFFICING = ("uid", "gid", *CERTIFICATE_KEYS)
_SOMEWHERE = NotEmpty("an empty list never matches; name a network, or leave the key out")


@dataclass(frozen=True, kw_only=True)
class UserOptions:
    """Who a client is, by what is known of it."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    name: UserName
    """The user's name."""
    uid: Id | None = None
    """The number of the system's user that the client runs as, at a unix socket."""
    gid: Id | None = None
    """The number of a group of the system's that the client is in, at a unix socket: its primary
    one, or another.
    """
    certificate_name: Text | None = None
    """The common name of the subject of the client's certificate."""
    certificate_san: SubjectAltName | None = None
    """A subject alternative name of the client's certificate: ``DNS:``, ``email:`` or ``URI:``, and
    the name. With ``certificate_name`` both must be in the certificate.
    """
    source: Annotated[tuple[IpNetwork, ...], _SOMEWHERE] | None = None
    """Networks that the client's address is in one of. Beside another key it is a further
    condition.
    """
    limits: UserLimitOptions | None = None
    """How much the user may have; what is absent here is that of ``default_limits``."""

    def __post_init__(self) -> None:
        """Refuse an entry that would match everybody."""
        if not self.known_by:
            message = "a user needs a uid, a gid, a certificate_name, a certificate_san or a source"
            raise ValueError(message)

    @property
    def known_by(self) -> Sequence[str]:
        """The keys of which one suffices; ``source`` where there is no other."""
        keys = [key for key in _SUFFICING if getattr(self, key) is not None]
        return keys or (["source"] if self.source is not None else [])


_Entry = Annotated[str | UserOptions, TextOr(UserName, UserOptions)]
InboundUsers = Annotated[tuple[_Entry, ...] | str, TextOr(AllOf, tuple[_Entry, ...])]
"""Who may come in at an inbound: names of users, users, or ``"*"``."""


@dataclass(frozen=True, kw_only=True)
class AskingOptions(InboundOptions):
    """The keys of every inbound that asks who its clients are."""

    users_known_by: ClassVar[Collection[str]] = ("source",)
    """The keys of a user that may suffice here."""

    users: InboundUsers | None = None
    """Who may come in: names of ``users`` at the top, or ``"*"`` for all of them, or users of this
    inbound alone. Without it everybody may, as no user.
    """

    def __post_init__(self) -> None:
        """Refuse users who can't be known here."""
        for user in self.own_users:
            if not any(key in self.users_known_by for key in user.known_by):
                message = (
                    f"{quote(user.name)} can't be known here, where a user needs a "
                    f"{_either(self.users_known_by)}"
                )
                raise ValueError(message)
            if any(key in CERTIFICATE_KEYS for key in user.known_by) and not self.asks_certificates:
                message = (
                    f"{quote(user.name)} is known by a certificate, which needs tls with a "
                    "client_certificate_path"
                )
                raise ValueError(message)
        super().__post_init__()

    @property
    def own_users(self) -> Sequence[UserOptions]:
        """The users of this inbound alone."""
        entries = self.users if isinstance(self.users, tuple) else ()
        return [entry for entry in entries if isinstance(entry, UserOptions)]

    @property
    def asks_certificates(self) -> bool:
        """Whether clients show certificates."""
        return False


def _either(keys: Collection[str]) -> str:
    *others, last = keys
    return f"{', '.join(others)} or {last}" if others else last


@dataclass(frozen=True)
class UsersFile:
    """A file with users, one a line.

    Attributes:
        path: where it is.
        users: the users that were read; none as long as it was not read.
        mark: which file was read, and when that was changed, as `pipetwist.files.mark_of` says it;
            None as long as it was not read.
    """

    path: str
    users: tuple[UserOptions, ...] = ()
    mark: tuple[int, int, int, int] | None = field(default=None, compare=False)
