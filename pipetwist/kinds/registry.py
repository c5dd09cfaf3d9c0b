"""The registry of kinds, by the ``type`` that chooses each in a configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import is_dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, get_args, get_type_hints

from pipetwist.kinds.options import KindOptions

__all__ = ["AnyKind", "AnyRegistry", "Kind", "Registry"]


O_co = TypeVar("O_co", bound=KindOptions, covariant=True)
S_contra = TypeVar("S_contra", contravariant=True)
P_co = TypeVar("P_co", covariant=True)


class Kind(Protocol[O_co, S_contra, P_co]):
    """A class of inbounds or outbounds, made from their options and their context."""

    @property
    def Options(self) -> type[O_co]:
        """A dataclass with the facts about the kind, and a Literal ``type``."""

    def __call__(self, options: Any, context: S_contra) -> P_co:  # Any: its own Options alone
        """Make one.

        Args:
            options: of its own class.
            context: what it works with.
        """


AnyKind: TypeAlias = Kind[KindOptions, Any, object]
"""A kind of inbound or of outbound, for code that asks for its facts."""

K = TypeVar("K", bound=AnyKind)


class Registry(Generic[K]):
    """Kinds of inbounds, or of outbounds. The configuration, its JSON Schema and the tree use the
    kinds that are registered when they are made.

    Args:
        noun: ``inbound`` or ``outbound``, for messages.
        kinds: pipetwist's own.
    """

    def __init__(self, noun: str, kinds: Iterable[K]) -> None:
        self.noun = noun
        """``inbound`` or ``outbound``."""
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
        """Register a kind of an embedding program.

        Args:
            kind: its class.

        Returns:
            A function that removes it.

        Raises:
            ValueError: its type is already registered, or its options lack a fact that they must
                have.
        """
        type_ = self._type_of(kind)
        self._kinds[type_] = self._added[type_] = kind

        def take_out() -> None:
            del self._kinds[type_], self._added[type_]

        return take_out

    def added(self) -> list[K]:
        """The kinds that are not pipetwist's own."""
        return list(self._added.values())

    def types(self) -> list[str]:
        """Every registered ``type``."""
        return list(self._kinds)

    def find(self, type_: object) -> K | None:
        """The kind of a ``type``, as it was written; None if there is none."""
        return self._kinds.get(type_) if isinstance(type_, str) else None

    def of_type(self, type_: str) -> K:
        """The kind of a ``type``, which must be registered."""
        return self._kinds[type_]

    def kind_of(self, options: object) -> K:
        """The kind that these options belong to."""
        return next(kind for kind in self if kind.Options is type(options))

    def _type_of(self, kind: K) -> str:
        options: Any = kind.Options  # a program may register anything
        named = get_args(get_type_hints(options).get("type")) if is_dataclass(options) else ()
        if len(named) != 1:
            message = (
                f"{kind!r} is not a kind of {self.noun}: its Options must be a dataclass with a "
                "type that is a Literal"
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


AnyRegistry: TypeAlias = Registry[Any]
"""A registry of inbounds or of outbounds. Since kinds can be added, that of the ones is to a type
checker none of both.
"""
