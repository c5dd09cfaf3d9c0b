"""Who may come in at each inbound."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count

from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.user_options import AskingOptions, UserOptions
from pipetwist.users.index import UserIndex
from pipetwist.values.text_or import ALL

__all__ = ["UserLists", "indexed", "own_users"]

SLICE = 100
"""How many users are indexed in one step."""

_NOBODY = UserIndex()


class UserLists:
    """The users of every inbound that has a list of them. It never changes.

    Args:
        indexes: an index for each such inbound, by its tag.
    """

    def __init__(self, indexes: Mapping[str, UserIndex] | None = None) -> None:
        self._indexes = {} if indexes is None else dict(indexes)

    def __repr__(self) -> str:
        return f"<UserLists of {', '.join(self._indexes) or 'no inbound'}>"

    def dismantle(self) -> Generator[None, None, None]:
        """Free them in small steps, once nobody asks them any more."""
        for index in {id(index): index for index in self._indexes.values()}.values():
            yield from index.dismantle()

    def of(self, options: AskingOptions) -> UserIndex:
        """The users of an inbound; nobody, where it is none of these."""
        return self._indexes.get(options.tag, _NOBODY)


def indexed(
    users: Sequence[UserOptions], inbounds: Sequence[InboundOptions]
) -> Generator[None, None, UserLists]:
    """Index the users of every inbound, in small steps: a generator that returns the lists.

    Args:
        users: those that every inbound may name.
        inbounds: the options of all inbounds.
    """
    asking = [
        options
        for options in inbounds
        if isinstance(options, AskingOptions) and options.users is not None
    ]
    pace = count(1)
    everybody: UserIndex | None = None
    by_name: dict[str, list[UserOptions]] = {}
    indexes: dict[str, UserIndex] = {}
    for options in asking:
        if options.users == ALL:
            if everybody is None:
                everybody = yield from _index(users, pace)
            indexes[options.tag] = everybody
            continue
        if not by_name and len(options.own_users) < len(options.users or ()):
            by_name = yield from _by_name(users, pace)
        indexes[options.tag] = yield from _index(_entries(options, by_name), pace)
    return UserLists(indexes)


def own_users(options: AskingOptions) -> UserIndex:
    """The users of an inbound that are in no other place."""
    return _own_users(tuple(options.own_users))


@lru_cache(16)
def _own_users(users: tuple[UserOptions, ...]) -> UserIndex:
    return UserIndex(users)


def _entries(
    options: AskingOptions, by_name: Mapping[str, Sequence[UserOptions]]
) -> Iterator[UserOptions]:
    """The entries of an inbound's list, and those that its names stand for, in its order."""
    for entry in options.users or ():
        if isinstance(entry, UserOptions):
            yield entry
        else:
            yield from by_name.get(entry, ())


def _index(entries: Iterable[UserOptions], pace: Iterator[int]) -> Generator[None, None, UserIndex]:
    index = UserIndex()
    for user in entries:
        index.add(user)
        if next(pace) % SLICE == 0:
            yield
    return index


def _by_name(
    users: Iterable[UserOptions], pace: Iterator[int]
) -> Generator[None, None, dict[str, list[UserOptions]]]:
    by_name: dict[str, list[UserOptions]] = {}
    for user in users:
        by_name.setdefault(user.name, []).append(user)
        if next(pace) % SLICE == 0:
            yield
    return by_name
