"""Lists with options of several classes, chosen by their key ``type``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipetwist.kinds.registry import AnyRegistry

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["OneOf"]


@dataclass(frozen=True)
class OneOf:
    """Marks an annotated type: the value is an instance of one of several option classes.

    Attributes:
        registry: the kinds of these options. What is made from the type later includes kinds that
            are registered later.
    """

    registry: AnyRegistry

    @property
    def noun(self) -> str:
        """``inbound`` or ``outbound``, for messages."""
        return self.registry.noun

    def types(self) -> list[str]:
        """Every registered ``type``."""
        return self.registry.types()

    def options(self, type_: str) -> type:
        """The option class of a registered ``type``."""
        options: type = self.registry.of_type(type_).Options
        return options

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate as the class that ``type`` chooses."""
        # Imported here, since a document can be built without pydantic.
        from pydantic_core import core_schema

        return core_schema.tagged_union_schema(
            {name: handler.generate_schema(self.options(name)) for name in self.types()}, "type"
        )
