"""What the inbounds, outbounds and users of a tree have open, which limits they have, and who is
held or refused by them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Generator, Iterator
from math import inf
from typing import TypeAlias
from weakref import ReferenceType, ref

from pipetwist.config.document import Document
from pipetwist.config.named_users import names_of_users
from pipetwist.control.entities import (
    KINDS,
    EntityRow,
    EntitySelection,
    LimitFigures,
    QuotaFigures,
)
from pipetwist.kinds.limit_options import LimitOptions, UserLimitOptions
from pipetwist.limits.limits import Entity
from pipetwist.quotas.quota import counted
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.routing_table import Current
from pipetwist.service.generation import Generation

__all__ = ["Entities"]

_CONNECTIONS = 1000  # that are counted in one slice
_ROWS = 25  # in one slice: about a millisecond
_NAMES = 1000  # of users that are looked at in one slice

_Key: TypeAlias = tuple[Entity, str]


class Entities:
    """Reads them, in the reactor's thread.

    Args:
        current: the current generation.
        connections: the connections of the tree.
    """

    def __init__(self, current: Current[Generation], connections: ConnectionTable) -> None:
        self._current = current
        self._connections = connections
        # Those of this document, which is not held for that.
        self._users: tuple[ReferenceType[Document], Collection[str]] | None = None

    def __repr__(self) -> str:
        return f"<Entities of {self._connections!r}>"

    def rows(self, selection: EntitySelection) -> Iterator[list[EntityRow]]:
        """What is known of those that are selected, in slices, some of which are empty: other work
        may be done between them.
        """
        opened: Counter[_Key] = Counter()
        connections = self._connections.connections()
        for at in range(0, len(connections), _CONNECTIONS):
            for one in connections[at : at + _CONNECTIONS]:
                client_info = one.client_info
                opened["inbound", client_info.inbound] += 1
                opened["outbound", one.outbound] += 1
                if client_info.user is not None:
                    opened["user", client_info.user] += 1
            yield []
        rows: list[EntityRow] = []
        for key in self._keys(selection, opened):
            if key is not None:
                rows.append(self._row(key, opened[key]))
            if key is None or len(rows) == _ROWS:
                yield rows
                rows = []
        yield rows

    def _keys(self, selection: EntitySelection, opened: Counter[_Key]) -> Iterator[_Key | None]:
        """All of the configuration, and those that have connections or limits without being in
        it; None after so many that other work may be done.
        """
        generation = self._current.now
        kinds = selection.kinds or KINDS
        if "inbound" in kinds:
            yield from _with_others("inbound", generation.inbounds, opened)
        if "outbound" in kinds:
            yield from _with_others("outbound", generation.outbounds, opened)
        if "user" in kinds:
            names = yield from self._user_names(generation.document)
            users = selection.users
            for number, key in enumerate(_with_others("user", names, opened), 1):
                if not users or key[1] in users:
                    yield key
                elif number % _NAMES == 0:
                    yield None

    def _user_names(self, document: Document) -> Generator[None, None, Collection[str]]:
        if self._users is None or self._users[0]() is not document:
            names: dict[str, None] = {}
            for number, name in enumerate(names_of_users(document), 1):
                names[name] = None
                if number % _NAMES == 0:
                    yield
            self._users = ref(document), names
        return self._users[1]

    def _row(self, key: _Key, opened: int) -> EntityRow:
        entity, name = key
        limits = self._connections.limits
        admission = limits.admission
        options = limits.current.of(entity, name)
        up, down = limits.megabits(entity, name)
        return EntityRow(
            entity,
            name,
            opened,
            None if options is None else self._limits(options, up, down),
            tuple(self._quotas(name)) if entity == "user" else (),
            *limits.held(entity, name),
            admission.refused_of[key],
            admission.closed(entity, name),
            admission.figures(entity, name)[1] if entity == "user" else 0,
        )

    def _limits(
        self, options: LimitOptions | UserLimitOptions, up: float, down: float
    ) -> LimitFigures:
        its_own = options if isinstance(options, UserLimitOptions) else UserLimitOptions()
        expires = self._connections.limits.current.moment(its_own)
        return LimitFigures(
            up,
            down,
            int(_bound(options.max_connections)),
            int(_bound(its_own.max_sources)),
            _bound(options.connections_per_second),
            expires or 0.0,
        )

    def _quotas(self, user: str) -> Iterator[QuotaFigures]:
        quotas = self._connections.limits.quotas
        for quota in () if quotas is None else quotas.look_at(user):
            for one in quota.options:
                goes_on = one.then is not None
                yield QuotaFigures(counted(one), one.bytes, quota.used, quota.span.end, goes_on)


def _with_others(entity: Entity, names: Collection[str], opened: Counter[_Key]) -> Iterator[_Key]:
    """Those of the configuration, and those that have connections without being in it."""
    yield from ((entity, name) for name in names)
    yield from (key for key in opened if key[0] == entity and key[1] not in names)


def _bound(figure: float | None) -> float:
    """A figure of limits, of which None and an infinite one are no bound."""
    return 0 if figure is None or figure == inf else figure
