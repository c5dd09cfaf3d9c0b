"""The kinds that there are, by the ``type`` that chooses each in a configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import is_dataclass
from typing import Any, Generic, Protocol, TypeVar, get_args, get_type_hints

from pipetwist.kinds.options import KindOptions

__all__ = ["AnyKind", "Kind", "Registry"]


O_co = TypeVar("O_co", bound=KindOptions, covariant=True)
S_contra = TypeVar("S_contra", contravariant=True)
P_co = TypeVar("P_co", covariant=True)


class Kind(Protocol[O_co, S_contra, P_co]):
    """A class of inbounds or outbounds, which are made of their options and of what they work
    with.
    """

    @property
    def Options(self) -> type[O_co]:
        """A dataclass that says its facts, and has a Literal ``type``."""

    def __call__(self, options: Any, context: S_contra) -> P_co:
        """Make one.

        Args:
            options: of its own class.
            context: what it works with.
        """


AnyKind = Kind[KindOptions, Any, object]
"""A kind of inbound or of outbound, as who asks for its facts needs it."""

K = TypeVar("K", bound=AnyKind)


class Registry(Generic[K]):
    """Kinds of inbounds, or of outbounds. The configuration, its JSON Schema and the tree take in
    whatever is there when they are made.

    Args:
        noun: what they are kinds of, for messages.
        kinds: those of pipetwist itself.
    """

    def __init__(self, noun: str, kinds: Iterable[K]) -> None:
        self.noun = noun
        """What they are kinds of."""
        self._kinds: dict[str, K] = {}
        self._added: dict[str, K] = {}
        for kind in kinds:
            self._kinds[self._type_of(kind)] = kind

    def __repr__(self) -> str:
        return f"<Registry {self.noun}: {', '.join(self._kinds)}>"

    def __iter__(self) -> Iterator[K]:
        """All kinds, in the order in which they were registered."""
        return iter(self._kinds.values())

    def register(self, kind: K) -> Callable[[], None]:
        """Take in a kind of a program's own.

        Args:
            kind: its class.

        Returns:
            What takes it out again.

        Raises:
            ValueError: its type is taken, or its options don't say what they must.
        """
        type_ = self._type_of(kind)
        self._kinds[type_] = self._added[type_] = kind

        def take_out() -> None:
            del self._kinds[type_], self._added[type_]

        return take_out

    def added(self) -> list[K]:
        """Those that are not pipetwist's own."""
        return list(self._added.values())

    def types(self) -> list[str]:
        """Every ``type`` there is."""
        return list(self._kinds)

    def find(self, type_: object) -> K | None:
        """The kind of a ``type``, as it was written; None where there is none."""
        return self._kinds.get(type_) if isinstance(type_, str) else None

    def of_type(self, type_: str) -> K:
        """The kind of a ``type`` that there is."""
        return self._kinds[type_]

    def kind_of(self, options: object) -> K:
        """The kind that these are options of."""
        return next(kind for kind in self if kind.Options is type(options))

    def _type_of(self, kind: K) -> str:
        options: Any = kind.Options  # what somebody registers may be anything
        named = get_args(get_type_hints(options).get("type")) if is_dataclass(options) else ()
        if len(named) != 1:
            message = (
                f"{kind!r} is no kind of {self.noun}: its Options must be a dataclass with a type "
                "that is a Literal"
            )
            raise ValueError(message)
        if getattr(options, "medium", None) is None:
            message = f"{kind!r} does not say in Options.medium what its connections are made of"
            raise ValueError(message)
        type_: str = named[0]
        if type_ in self._kinds:
            message = f"there is a kind of {self.noun} of the type {type_!r} already"
            raise ValueError(message)
        return type_
