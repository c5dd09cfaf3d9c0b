"""The whole configuration, as `pipetwist.config.reading` gives it to the services. It can also be
built by hand, without a file.

The types of inbounds and outbounds come from their registries: a new type needs no change here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Annotated, ClassVar, Literal

from pipetwist.api.options import ApiOptions
from pipetwist.config.one_of import OneOf
from pipetwist.control.options import ControlOptions
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.interfaces import Medium
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.limit_options import UserLimitOptions
from pipetwist.kinds.outbound_options import OutboundOptions, Transfer
from pipetwist.kinds.user_options import UserOptions, UsersFile
from pipetwist.outbounds.registry import OUTBOUNDS
from pipetwist.routing.router import Router
from pipetwist.routing.rules import RuleOptions
from pipetwist.values import Checked, Count, Duration, FilePath, NotEmpty, Size, Tag
from pipetwist.values.durations import Grace
from pipetwist.values.moments import TimeZone
from pipetwist.values.paths import parse_path
from pipetwist.web.options import WebOptions

__all__ = ["SCHEMA_KEY", "Document", "ExperimentalOptions", "LogOptions", "RouteOptions"]

SCHEMA_KEY = "$schema"
"""A key of the whole configuration that is for editors: where its JSON Schema is."""

_Inbounds = Annotated[
    tuple[Annotated[InboundOptions, OneOf(INBOUNDS)], ...],
    NotEmpty("at least one inbound is needed, or nobody could connect"),
]
_Outbounds = Annotated[
    tuple[Annotated[OutboundOptions, OneOf(OUTBOUNDS)], ...],
    NotEmpty("at least one outbound is needed, or connections could go nowhere"),
]


_USERS_FILE = Checked(
    lambda raw, folder: UsersFile(parse_path(raw, folder)),
    {"type": "string", "minLength": 1},
    attrgetter("path"),
)


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """The level and format of the log."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    level: Literal["debug", "info", "warn", "error"] = "info"
    """The least important events that are logged. ``"info"`` where absent."""
    format: Literal["text", "json"] = "text"
    """Whether events are lines for people or JSON objects, one a line. ``"text"`` where absent."""
    timestamp: bool = True
    """Whether each line begins with the time. ``true`` where absent; ``false`` where a journal or a
    container's engine adds it.
    """
    max_size: Size = 10_000_000
    """How large twistd's log file grows before it becomes ``FILE.1``; ``"0B"`` for any size.
    ``"10MB"`` where absent.
    """
    max_files: Count = 10
    """How many full log files of twistd's are kept; ``0`` for all. ``10`` where absent."""
    connections: FilePath | None = None
    """The file that gets a JSON line for each connection that has ended; without it there is
    none.
    """
    connections_max_size: Size = 10_000_000
    """How large that file grows before it becomes ``FILE.1``; ``"0B"`` for any size. ``"10MB"``
    where absent.
    """
    connections_max_files: Count = 10
    """How many full ones are kept; ``0`` for all. ``10`` where absent."""


@dataclass(frozen=True, kw_only=True)
class RouteOptions:
    """Which outbound a connection goes to."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    rules: tuple[RuleOptions, ...] = ()
    """Tried in order; the first whose every condition holds decides."""
    final: Tag | None = None
    """The tag of the outbound that takes what no rule decides; the first outbound where absent."""


@dataclass(frozen=True, kw_only=True)
class ExperimentalOptions:
    """What sing-box has under this name."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    v2ray_api: ApiOptions | None = None
    """The counters and the API that serves them; without it nothing is counted."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """The configuration of pipetwist."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    log: LogOptions = field(default_factory=LogOptions)
    """The level and format of the log."""
    inbounds: _Inbounds
    """Where clients connect to."""
    outbounds: _Outbounds
    """Where connections go."""
    users: tuple[UserOptions, ...] = ()
    """Users that every inbound may let in: by their names, or all of them."""
    default_limits: UserLimitOptions | None = None
    """How much each user may have, by itself; without it as much as it wants."""
    users_file: Annotated[UsersFile, _USERS_FILE] | None = None
    """A file with more users, one a line; without it there is none."""
    watch: bool = False
    """Reads that file again whenever it has changed, and not only at a reload."""
    removed_grace: Grace | None = None
    """How long open connections may go on whose clients are no users any more after a reload, or
    ``"never"`` to end none. At once where absent.
    """
    timezone: TimeZone | None = None
    """Where dates and the periods of quotas begin, an IANA name such as ``"Europe/Berlin"``; the
    system's where absent.
    """
    route: RouteOptions = field(default_factory=RouteOptions)
    """Which outbound a connection goes to."""
    transfer: Transfer = "auto"
    """How bytes are moved: by the kernel, by Twisted's transports, or as it suits. ``"auto"`` where
    absent.
    """
    drain_timeout: Duration = 5.0
    """How long open connections may go on after a stop is asked for. ``"5s"`` where absent."""
    experimental: ExperimentalOptions = field(default_factory=ExperimentalOptions)
    """The counters and the API that serves them."""
    control: ControlOptions | None = None
    """Who may act on open connections; without it nobody."""
    metrics: WebOptions | None = None
    """The HTTP listener that serves metrics; without it there is none."""

    @property
    def all_users(self) -> tuple[UserOptions, ...]:
        """The users at the top and those of the file, which are one list."""
        return self.users if self.users_file is None else (*self.users, *self.users_file.users)

    @property
    def final(self) -> str:
        """The tag of the outbound that takes what no rule decides: as in sing-box, the first where
        the route names none.
        """
        return self.outbounds[0].tag if self.route.final is None else self.route.final

    def router(self) -> Router:
        """Make what chooses the outbounds of connections."""
        datagrams, both = (
            [options.tag for options in self.inbounds if set(options.carries) == media]
            for media in ({Medium.DATAGRAMS}, set(Medium))
        )
        return Router(self.route.rules, self.final, datagrams, both)
