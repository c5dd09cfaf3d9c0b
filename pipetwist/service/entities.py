"""What the inbounds, outbounds and users of a tree have open, which limits they have, and who is
held or refused by them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import inf
from typing import TypeAlias
from weakref import ReferenceType, ref

from pipetwist.config.document import Document
from pipetwist.config.named_users import user_names
from pipetwist.control.entities import EntityRow, EntitySelection, LimitFigures, QuotaFigures
from pipetwist.kinds.limit_options import LimitOptions, UserLimitOptions
from pipetwist.limits.limits import Entity
from pipetwist.quotas.quota import counted
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.routing_table import Current
from pipetwist.service.generation import Generation

__all__ = ["Entities"]

_CONNECTIONS = 1000  # that are counted in one slice
_ROWS = 25  # in one slice: about a millisecond

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
        self._users: tuple[ReferenceType[Document], list[str]] | None = None

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
        keys = list(self._keys(selection, opened))
        for at in range(0, len(keys), _ROWS):
            yield [self._row(key, opened[key]) for key in keys[at : at + _ROWS]]

    def _keys(self, selection: EntitySelection, opened: Counter[_Key]) -> Iterator[_Key]:
        """All of the configuration, and those that have connections or limits without being in
        it.
        """
        generation = self._current.now
        known: tuple[tuple[Entity, list[str]], ...] = (
            ("inbound", list(generation.inbounds)),
            ("outbound", list(generation.outbounds)),
            ("user", self._user_names(generation.document)),
        )
        for entity, names in known:
            if selection.kinds and entity not in selection.kinds:
                continue
            others = (name for one, name in opened if one == entity)
            for name in dict.fromkeys((*names, *others)):
                if entity != "user" or not selection.users or name in selection.users:
                    yield entity, name

    def _user_names(self, document: Document) -> list[str]:
        if self._users is None or self._users[0]() is not document:
            self._users = ref(document), user_names(document)
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


def _bound(figure: float | None) -> float:
    """A figure of limits, of which None and an infinite one are no bound."""
    return 0 if figure is None or figure == inf else figure
