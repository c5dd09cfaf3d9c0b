"""How a list may hold options of several classes, told apart by their key ``type``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, get_args, get_type_hints

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["HasOptions", "OneOf", "one_of"]


class HasOptions(Protocol):
    """What stands in a registry: a class that is told what it needs by a dataclass with a Literal ``type``."""

    Options: Any


@dataclass(frozen=True)
class OneOf:
    """Marks an annotated type: the value is an instance of one of several option classes.

    Attributes:
        kind: what they are the types of, for messages.
        by_type: the classes with the value of ``type`` that each is chosen by.
    """

    kind: str
    by_type: tuple[tuple[str, type], ...]

    def types(self) -> list[str]:
        """Every ``type`` there is."""
        return [name for name, _ in self.by_type]

    def options(self, type_: str) -> type:
        """The option class of a ``type`` that there is."""
        return dict(self.by_type)[type_]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate as the class that ``type`` chooses."""
        from pydantic_core import core_schema  # here, since a document can be built without pydantic

        return core_schema.tagged_union_schema({name: handler.generate_schema(options) for name, options in self.by_type}, "type")


def one_of(kind: str, registry: Iterable[HasOptions]) -> OneOf:
    """Choose among the options of everything in a registry."""
    return OneOf(kind, tuple((name, entry.Options) for entry in registry for name in get_args(get_type_hints(entry.Options)["type"])))
